/* SPDX-License-Identifier: GPL-2.0 */
/* Tests in herd's format.  Private to the parser. */
#ifndef LIT_HERD_H
#define LIT_HERD_H

#include "lit_lex.h"

/* lit_herd.c: the location @name, which is 0 if nothing else is said; its flag's number. */
unsigned int lit_herd_location(struct lit_parser *p, const struct lit_token *name);

/* A register of a thread by its name, whatever part of it that names; -1: it is none. */
int lit_herd_name(struct lit_parser *p, unsigned int thread, const char *name,
		  unsigned int *bytes);
/* A register that no instruction can name. */
unsigned int lit_herd_hidden(struct lit_parser *p, unsigned int thread, const char *name);

/* lit_herd_ins.c: one instruction, which the current token begins. */
void lit_herd_instruction(struct lit_parser *p, unsigned int thread);

#endif /* LIT_HERD_H */

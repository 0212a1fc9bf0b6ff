# SPDX-License-Identifier: GPL-2.0
# vptctl, the administrator's view of all regions.  Included by the top-level Makefile.

CTL_BUILD	:= build/vptctl
CTL_SOURCES	:= $(wildcard tools/vptctl/*.c) spec/spec_walk.c
CTL_CFLAGS	:= -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -static

# The page in two strings, what stands before the picture and what stands behind.
$(CTL_BUILD)/page.h: tools/vptctl/page.html tools/vptctl/vptctl.mk
	@mkdir -p $(@D)
	$(Q){ echo '/* Made from tools/vptctl/page.html. */'; \
	  echo 'static const char ctl_page_head[] ='; \
	  sed -n 's/\\/\\\\/g; s/"/\\"/g; /^<!-- the picture -->$$/q; s/.*/"&\\n"/; p' $<; echo ';'; \
	  echo 'static const char ctl_page_tail[] ='; \
	  sed '1,/^<!-- the picture -->$$/d; s/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $<; echo ';'; \
	} >$@

$(CTL_BUILD)/vptctl: $(CTL_SOURCES) $(CTL_BUILD)/page.h $(wildcard tools/vptctl/*.h spec/*.h)
	@mkdir -p $(@D)
	$(Q)$(TRACK) $(CC) $(CTL_CFLAGS) -Ispec -Itools/vptctl -I$(CTL_BUILD) -o $@ $(CTL_SOURCES)

## vptctl: the administrator's tool: build/vptctl/vptctl --help
vptctl: $(CTL_BUILD)/vptctl

.PHONY: vptctl

// SPDX-License-Identifier: GPL-2.0
/* TEMP */
#include "mc.h"
#define RW 5
#define RO 4
#define RX 6
const struct mc_config mc_configs[] = {
{ .name="unmap||access", .cpus=2, .accessed=3, .written=3, .setup={{MMU_OP_MAP,0,0,1,RW},{MMU_OP_MAP,1,0,1,RW}}, .program={{{MMU_OP_UNMAP,0,0,0,0}}}},
{ .name="unmap||unmap same", .cpus=2, .accessed=3, .written=3, .setup={{MMU_OP_MAP,0,0,1,RW},{MMU_OP_MAP,1,0,1,RW}}, .program={{{MMU_OP_UNMAP,0,0,0,0}},{{MMU_OP_UNMAP,0,0,0,0}}}},
{ .name="unmap||map sibling", .cpus=2, .accessed=0x13, .written=0x13, .setup={{MMU_OP_MAP,0,0,1,RW},{MMU_OP_MAP,4,0,1,RW}}, .program={{{MMU_OP_UNMAP,0,0,0,0}},{{MMU_OP_MAP,1,0,1,RW}}}},
{ .name="remap||protect", .cpus=2, .accessed=3, .written=3, .setup={{MMU_OP_MAP,0,0,1,RW}}, .program={{{MMU_OP_REMAP,0,0,1,0}},{{MMU_OP_PROTECT,0,0,0,RO}}}},
{ .name="split||protect", .cpus=2, .accessed=3, .written=3, .setup={{MMU_OP_MAP,0,0,2,RW}}, .program={{{MMU_OP_SPLIT,0,0,0,0}},{{MMU_OP_PROTECT,0,0,0,RO}}}},
{ .name="unmap||map,3", .cpus=3, .accessed=0x13, .written=0x13, .setup={{MMU_OP_MAP,0,0,1,RW},{MMU_OP_MAP,4,0,1,RW}}, .program={{{MMU_OP_UNMAP,0,0,0,0}},{{MMU_OP_MAP,1,0,1,RW}}}},
};
const unsigned int mc_nconfigs = sizeof(mc_configs)/sizeof(mc_configs[0]);

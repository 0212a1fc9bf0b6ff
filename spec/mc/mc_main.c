#include <stdlib.h>
#include "mc.h"
int main(int argc, char **argv)
{
	unsigned i; struct mc_result r;
	mmu_model_init();
	if (argc > 2) mmu.explicit = atoi(argv[2])==1, mmu.simple=atoi(argv[2])==2;
	if (argc > 3) mmu.broken = atoi(argv[3]);
	for (i = 0; i < mc_nconfigs; i++) {
		if (argc > 1 && atoi(argv[1]) >= 0 && i != (unsigned)atoi(argv[1])) continue;
		mc_search(&mc_configs[i], 20000000, true, stdout, &r);
		printf("%s: %s states %llu trans %llu fin %llu depth %u %.2fs %.2fM/s mem %lluM nodes %u %s\n", mc_configs[i].name, r.complete ? "complete":"", (long long)r.states, (long long)r.transitions, (long long)r.finished, r.depth, r.seconds, r.states/r.seconds/1e6, (long long)r.bytes>>20, mc_core_nodes(), r.violation);
	}
}

# SPDX-License-Identifier: GPL-2.0
# The seeded bugs, and which layer of checking notices each. Included by the Makefile.
#
#	mutants		builds and judges them; see tests/mutants/README.md
#	MUTANT_SUITES	TAP: the catalogue is in order and fits the tree

MUTANT_SUITES := tests/mutants/catalogue-fits

## mutants: seed each bug of the catalogue, see which layer of checking catches it (ALL=1, ONLY=...)
.PHONY: mutants
mutants: deps-check deps-guest
	$(Q)tests/mutants/run $(if $(filter-out 0,$(ALL)),--all) \
		$(if $(ONLY),--only '$(ONLY)') $(if $(LAYERS),--layers '$(LAYERS)') \
		$(if $(JOBS),--jobs '$(JOBS)') $(if $(SHARD),--shard '$(SHARD)')

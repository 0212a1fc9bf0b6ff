# SPDX-License-Identifier: GPL-2.0
# What users install, by hand or as Debian's packages.  Included by the Makefile.
#
#	install-user	programs, preload library, header, manual pages, litmus tests
#	install-module	the module's sources, and through dkms the module
#
# DESTDIR, PREFIX, CC, CPPFLAGS, CFLAGS and LDFLAGS are what they are everywhere.

PREFIX		?= /usr/local
BINDIR		?= $(PREFIX)/bin
INCLUDEDIR	?= $(PREFIX)/include
LIBDIR		?= $(PREFIX)/lib
MANDIR		?= $(PREFIX)/share/man
DATADIR		?= $(PREFIX)/share

USER_BUILD	:= build/install
USER_COMPILE	= $(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS)
USER_PROGRAMS	:= $(addprefix $(USER_BUILD)/,vpt-trace-check vpt-litmus vptctl)
USER_LIBRARY	:= $(USER_BUILD)/libvpt-preload.so
# vpt-run builds modules and guests from this tree, so it stays in it.
MAN_PAGES	:= $(filter-out %/vpt-run.1,$(wildcard tools/man/*.[1-8]))

# Other flags than last time make another program.
$(USER_BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(USER_COMPILE) $(LDFLAGS)' | cmp -s - $@ || echo '$(USER_COMPILE) $(LDFLAGS)' >$@

$(USER_BUILD)/vpt-trace-check: $(MON_SOURCES)
	$(TRACK) $(USER_COMPILE) -Ispec -o $@ $(filter %.c,$^) $(LDFLAGS)

$(USER_BUILD)/vpt-litmus: $(LIT_SOURCES) $(wildcard tests/guest/lib/*.c)
	$(TRACK) $(USER_COMPILE) $(LIT_CPPFLAGS) -pthread -o $@ $(filter %.c,$^) $(LDFLAGS)

$(USER_BUILD)/vptctl: $(CTL_SOURCES) $(CTL_BUILD)/page.h
	$(TRACK) $(USER_COMPILE) -Ispec -Itools/vptctl -I$(CTL_BUILD) -o $@ $(filter %.c,$^) $(LDFLAGS)

$(USER_LIBRARY): $(wildcard tools/preload/*.c)
	$(TRACK) $(USER_COMPILE) $(PRELOAD_FLAGS) -shared -o $@ $(filter %.c,$^) \
		$(LDFLAGS) -ldl -pthread

$(USER_PROGRAMS) $(USER_LIBRARY): $(USER_BUILD)/flags

# put MODE,FOLDER,FILES
put = install -d "$(DESTDIR)$(2)" && install -m $(1) $(3) "$(DESTDIR)$(2)"

## install: module (through dkms, as root), programs, header, manual pages (DESTDIR, PREFIX)
install: $(USER_PROGRAMS) $(USER_LIBRARY)
	$(J)$(Q)$(MAKE) -s --no-print-directory install-module
	$(J)$(Q)$(MAKE) -s --no-print-directory install-user

install-module:
	$(Q)tools/install/install-module install

install-user: $(USER_PROGRAMS) $(USER_LIBRARY)
	$(Q)$(call put,755,$(BINDIR),$(USER_PROGRAMS))
	$(Q)$(call put,644,$(LIBDIR)/vpt,$(USER_LIBRARY))
	$(Q)$(call put,644,$(INCLUDEDIR),include/vpt.h)
	$(Q)$(call put,644,$(DATADIR)/vpt/litmus,$(LIT_CATALOGUE))
	$(Q)for page in $(MAN_PAGES); do \
		folder="$(DESTDIR)$(MANDIR)/man$${page##*.}" && mkdir -p "$$folder" && \
		sed -e 's|@DATADIR@|$(DATADIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' $$page \
			>"$$folder/$${page##*/}" || exit; \
	done

## uninstall: take all of that off again, older versions too
uninstall:
	$(Q)tools/install/install-module uninstall
	$(Q)cd "$(DESTDIR)/" && rm -rf $(patsubst /%,%,$(LIBDIR)/vpt $(DATADIR)/vpt \
		$(INCLUDEDIR)/vpt.h $(patsubst $(USER_BUILD)/%,$(BINDIR)/%,$(USER_PROGRAMS)) \
		$(foreach page,$(notdir $(MAN_PAGES)),$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)))

## deb: Debian packages vpt-dkms, vpt-tools and vpt-dev, in build/deb
deb: deps-deb
	$(J)$(Q)tools/install/make-deb

FORCE:

## check-packages: install, upgrade, take off in chroots of Debian 12 and 13 (as root; SUITES=); TAP
check-packages:
	$(Q)tests/packages/run $(SUITES)

.PHONY: install install-module install-user uninstall deb check-packages

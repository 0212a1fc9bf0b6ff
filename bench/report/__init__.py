# SPDX-License-Identifier: GPL-2.0
"""From benchmark programs to tables, raw samples and plots."""

# SPDX-License-Identifier: ISC
"""The end-to-end harness; tests/README.md shows how to use it."""

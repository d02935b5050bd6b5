# Two commands do everything on a fresh machine: `make demo` and `make test`. The others are for those who change the code.
PY := .venv/bin/python
CODE := src tests bench scripts examples

.PHONY: help demo test check bench soak fuzz interleavings docs setup clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

demo: ## set up what is missing, then play six transfers with virtual telephones and report who heard whom
	@scripts/setup demo
	@$(PY) -m switchhook demo

test: ## set up what is missing, then run all tests (on two cores two at a time, see tests/phases.py)
	@scripts/setup test
	@$(PY) -m pytest -n auto

check: ## types and lint
	@scripts/setup check
	@.venv/bin/ruff check $(CODE)
	@.venv/bin/ruff format --check $(CODE)
	@.venv/bin/mypy

bench: ## measure, print a table (about 50 minutes; ONLY=name for one measure, RUNS=1 for a quick look)
	@scripts/setup bench
	@$(PY) -m bench $(if $(RUNS),--runs $(RUNS)) $(ONLY)

soak: ## play calls and transfers on a bad network (MINUTES=5, SEED=n), and check every promise meanwhile
	@scripts/setup demo
	@$(PY) -m switchhook.lab.soak --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

fuzz: ## feed the parsers damaged input (MINUTES=1, FUZZ_ONLY=sdp,rtp, ENGINE=atheris); what is wrong is kept
	@scripts/setup test
	@MINUTES="$(MINUTES)" ENGINE="$(ENGINE)" KEEP="$(KEEP)" scripts/fuzz

interleavings: ## search every interleaving deeper than `make test` does: all pairs, and triples (takes hours)
	@scripts/setup test
	@$(PY) -m tests.sip.interleavings --deep

docs: ## draw the generated pages and diagrams again
	@scripts/setup check
	@$(PY) scripts/diagrams.py
	@$(PY) scripts/coverage_pages.py
	@$(PY) scripts/configuration_page.py
	@$(PY) scripts/newest_schema.py

setup: ## install what the tests need, run nothing
	@scripts/setup test

clean: ## forget the environment and everything generated at run time
	rm -rf .venv demo-report .hypothesis .mypy_cache .ruff_cache

# The two commands a newcomer needs, and the few a developer uses all day. The build itself is meson's.
#
#   make quickstart   install what is missing, build, start a one-machine cluster, run a real task
#   make check        install what the tests need, build with sanitizers, run every test
#   make              build into build/
#   make install      install to PREFIX (/usr/local)

BUILD       ?= build
CHECK_BUILD ?= build-check
PREFIX      ?= /usr/local
MESON_ARGS  ?=

.PHONY: all quickstart check check-clang bench bench-scale fuzz sim storm format install deps deps-check clean docs

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(NINJAFLAGS)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --buildtype=release -Db_lto=true --prefix=$(PREFIX) -Dtests=disabled $(MESON_ARGS)

quickstart:
	@tools/quickstart.sh

deps:
	@tools/install-packages.sh build

deps-check:
	@tools/install-packages.sh build check docker node

check: deps-check
	@tools/check.sh $(CHECK_BUILD)

check-clang: deps-check
	@CC=clang tools/check.sh build-check-clang unit

# The fuzzers (all, or those in TARGETS) for TIME seconds or RUNS runs each, JOBS at a time; what they
# find ends up in build-fuzz/found/.
TIME ?= $(if $(RUNS),0,60)
RUNS ?=
JOBS ?= 1
fuzz: deps-check
	@tools/fuzz.sh -t $(TIME) -r $(or $(RUNS),-1) -j $(JOBS) $(TARGETS)

# Figures of a release build: a table, and BUILD/bench.json. bench-scale takes the large sizes, too; BENCH='--only NAME'
# measures one row.
bench: deps-check
	@bench/bench.py --build $(BUILD) $(BENCH)

bench-scale: deps-check
	@bench/bench.py --build $(BUILD) --scale $(BENCH)

# The simulator, optimised: SEEDS of them, counted from FROM, on JOBS cores. See docs/testing.md.
SEEDS ?= 10000
FROM  ?= 1
JOBS  ?= 2
sim: deps-check
	@[ -f build-sim/build.ninja ] || meson setup build-sim --buildtype=release -Dproof=true -Dtests=enabled >build-sim.log 2>&1 || { cat build-sim.log; exit 1; }
	@rm -f build-sim.log
	@ninja -C build-sim --quiet tests/sim/gantry-sim
	@build-sim/tests/sim/gantry-sim --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS) --all --marks

# What kills, full disks, failing calls and hostile peers do to the started programs; root and dockerd are needed.
storm: deps-check
	@[ -f build-storm/build.ninja ] || meson setup build-storm --buildtype=release -Dtests=enabled >/dev/null
	@ninja -C build-storm $(NINJAFLAGS) src/gantry tests/storm/libfaulty.so
	@python3 tests/storm/run.py build-storm

# What docs/ holds that is made from the code.
docs: all
	python3 tools/coverage.py > docs/api-coverage.md

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	ninja -C $(BUILD) install

clean:
	rm -rf $(BUILD) $(CHECK_BUILD) build-check-clang build-storm build-fuzz build-sim

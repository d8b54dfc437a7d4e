import * as fs from "node:fs"
import * as path from "node:path"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const root = import.meta.dirname

// Hundreds of processes of the tests load the same modules. Node keeps their compiled code, without types, in this folder.
process.env["NODE_COMPILE_CACHE"] ??= path.join(root, "node_modules/.cache/compiled")

/**
 * Files that take longest, in the order in which they start: a file that waits, then one that computes. If one of them started last, it
 * would run alone at the end.
 */
const longest = [
  "packages/node-transport/test/real/namespaces.test.ts",
  "packages/core/test/simulation/swarm.test.ts",
  "packages/effect-cluster/test/processes/runners.test.ts",
  "packages/state/test/real/processes.test.ts",
  "packages/testkit/test/cli/order.test.ts",
  "packages/admin/test/real/network.test.ts",
  "packages/core/test/simulation/mutants.test.ts",
  "packages/admin/test/dashboard/page.test.ts",
  "packages/testkit/test/picture.test.ts",
  "packages/reactivity/test/real/processes.test.ts",
  "packages/testkit/test/cli/swarm.test.ts",
  "packages/node-transport/test/attack.test.ts",
  "packages/testkit/test/SimNetwork.test.ts",
  "examples/test/deploy/trial.test.ts",
  "packages/effect-cluster/test/swarm.test.ts",
  "packages/node-transport/test/real/processes.test.ts",
  "packages/core/test/cluster/slowLines.test.ts",
  "examples/test/quickstart.test.ts",
  "packages/testkit/test/vitest.test.ts",
  "examples/test/independent.test.ts",
  "packages/state/test/mutants.test.ts",
  "packages/rpc/test/swarm.test.ts",
  "examples/test/recipes/processes.test.ts",
  "packages/testkit/test/cli/replay.test.ts",
  "examples/test/chat.test.ts",
].map((file) => path.join(root, file))

const missing = longest.filter((file) => !fs.existsSync(file))
if (missing.length > 0) throw new Error(`vitest.config.ts lists files that do not exist: ${missing.join(", ")}`)

/** Starts the longest files first, and then the others as vitest does: the largest, or those that took longest last time. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const rank = longest.indexOf(moduleId)
      return rank === -1 ? longest.length : rank
    }
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b))
  }
}

export default defineConfig({
  test: {
    // The packages are one project, so that each process loads Effect and the sources once for all of them.
    include: ["packages/*/test/**/*.test.ts", "examples/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
    // Many files wait for processes, sockets and timeouts most of the time. Two workers left two cores idle for a third of the time.
    maxWorkers: 4,
    // Concurrent tests start several processes each. More of them at once would compete for the cores until the first one times out.
    maxConcurrency: 3,
    sequence: { sequencer: LongestFirst },
    // The files of all packages share a few processes. A process for each file spent three times as long on loading as on the tests.
    // So a test restores the globals that it replaces, and compares counts with counts from before.
    isolate: false,
    restoreMocks: true,
    unstubGlobals: true,
    // A test that needs longer is stuck, or has its own timeout. Most tests take milliseconds. The timeout allows for a machine that is ten
    // times busier, because tests in virtual time compute only, and no correct code makes them faster.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})

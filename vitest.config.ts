import * as path from "node:path"
import { defineConfig } from "vitest/config"

// Hundreds of processes of the tests load the same modules. Node keeps their compiled code, without types, in this folder.
process.env["NODE_COMPILE_CACHE"] ??= path.join(import.meta.dirname, "node_modules/.cache/compiled")

const project = (name: string, root: string) => ({
  extends: true as const,
  test: { name, root, include: ["test/**/*.test.ts"] },
})

export default defineConfig({
  test: {
    projects: [
      project("admin", "packages/admin"),
      project("core", "packages/core"),
      project("effect-cluster", "packages/effect-cluster"),
      project("node-transport", "packages/node-transport"),
      project("reactivity", "packages/reactivity"),
      project("rpc", "packages/rpc"),
      project("schema-binary", "packages/schema-binary"),
      project("state", "packages/state"),
      project("testkit", "packages/testkit"),
      project("examples", "examples"),
      project("scripts", "scripts"),
    ],
    // The suites must fit two cores.
    maxWorkers: 2,
    // The files of a project share two processes, which load Effect and the sources once. A process for each file spent three times as
    // long on loading as on the tests. So a test restores the globals that it replaces, and compares counts with counts from before.
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

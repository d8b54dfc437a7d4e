import { defineConfig } from "vitest/config"

const project = (name: string, root: string) => ({
  extends: true as const,
  test: { name, root, include: ["test/**/*.test.ts"] },
})

export default defineConfig({
  test: {
    projects: [
      project("admin", "packages/admin"),
      project("core", "packages/core"),
      project("node-transport", "packages/node-transport"),
      project("reactivity", "packages/reactivity"),
      project("rpc", "packages/rpc"),
      project("schema-binary", "packages/schema-binary"),
      project("testkit", "packages/testkit"),
      project("examples", "examples"),
      project("scripts", "scripts"),
    ],
    // The suites must fit two cores. A test that needs longer than this is stuck or says so itself.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 10_000,
  },
})

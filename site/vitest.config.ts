import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    name: "site",
    root: import.meta.dirname,
    include: ["test/**/*.test.ts"],
    // A page of the browser may wait for a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})

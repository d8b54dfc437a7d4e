/** What `pnpm sim` runs: clusters of real nodes in the simulated world. */
export { anything, oneCutLink, three } from "./packages/core/test/simulation/scenarios.ts"

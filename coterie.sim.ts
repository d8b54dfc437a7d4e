/** What `pnpm sim` runs: clusters of real nodes in the simulated world. */
export { anything, crossed, oneCutLink, three } from "./packages/core/test/simulation/scenarios.ts"

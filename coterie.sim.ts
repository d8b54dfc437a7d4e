/**
 * Scenarios of `pnpm sim`: clusters of real nodes in the simulated world, requests, invalidations, event logs, owned maps and
 * presences.
 */
export { anything, crossed, oneCutLink, small, three, withdrawn } from "./packages/core/test/simulation/scenarios.ts"
export { renewed } from "./packages/core/test/simulation/renewals.ts"
export { manualStart } from "./packages/core/test/simulation/manualStart.ts"
export { survivesBabblers } from "./packages/core/test/simulation/babblers.ts"
export { runners } from "./packages/effect-cluster/test/simulation.ts"
export { requests } from "./packages/rpc/test/simulation.ts"
export { eventLogs } from "./packages/reactivity/test/eventLogSimulation.ts"
export { mutations } from "./packages/reactivity/test/simulation.ts"
export { ownedMaps } from "./packages/state/test/simulation.ts"
export { presences } from "./packages/state/test/presence/simulation.ts"
export { placements } from "./packages/state/test/placement/simulation.ts"

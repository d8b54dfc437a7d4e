export * as CoterieCluster from "./CoterieCluster.ts"
export * as CoterieRunnerHealth from "./CoterieRunnerHealth.ts"
export * as CoterieRunners from "./CoterieRunners.ts"
export * as RunnerPeers from "./RunnerPeers.ts"

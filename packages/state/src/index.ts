export * as Group from "./Group.ts"
export * as OwnedMap from "./OwnedMap.ts"
export * as Placement from "./Placement.ts"
export * as StateError from "./StateError.ts"

export * as OwnedMap from "./OwnedMap.ts"
export * as StateError from "./StateError.ts"

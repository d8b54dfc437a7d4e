export * as OwnedMap from "./OwnedMap.ts"
export * as Presence from "./Presence.ts"
export * as StateError from "./StateError.ts"

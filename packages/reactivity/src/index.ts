export * as PeerCache from "./PeerCache.ts"
export * as PeerInvalidation from "./PeerInvalidation.ts"
export * as PeerPersistedCache from "./PeerPersistedCache.ts"
export * as PeerReactivity from "./PeerReactivity.ts"

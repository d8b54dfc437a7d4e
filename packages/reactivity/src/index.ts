export * as PeerInvalidation from "./PeerInvalidation.ts"
export * as PeerReactivity from "./PeerReactivity.ts"

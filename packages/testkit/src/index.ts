export * as SimNetwork from "./SimNetwork.ts"
export * as TransportContract from "./TransportContract.ts"
export * as VirtualTime from "./VirtualTime.ts"

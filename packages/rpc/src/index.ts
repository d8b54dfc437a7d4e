export * as PeerRpcClient from "./PeerRpcClient.ts"
export * as PeerRpcServer from "./PeerRpcServer.ts"
export * as RequestLost from "./RequestLost.ts"

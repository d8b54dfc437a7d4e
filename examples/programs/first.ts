import { PeerRpcClient } from "@coterie/rpc"
import { Exit, Stream } from "effect"
import { Warehouse } from "../recipes/requests.ts"

/** Returns the number of pieces at the peer that answers first, or `None` if no peer answers within 5 seconds. */
export const firstCount = PeerRpcClient.streamAll(Warehouse, (peer) => peer.Count(), { timeout: "5 seconds" }).pipe(
  Stream.filter(({ exit }) => Exit.isSuccess(exit)),
  Stream.runHead,
)

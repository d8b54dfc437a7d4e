/**
 * Host on which a node of a simulation runs. `sim.nodes` provides it to the layer of each node, next to `Transport`, and
 * `SimNetwork` to the nodes of a test. Programs do not use it: the layers of `SimSocket`, `SimSocketServer` and `SimDisk`
 * do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Disk } from "./disk/Disk.ts"
import type { HostSockets } from "./network/HostSockets.ts"

/**
 * Host of a process.
 *
 * @category services
 * @since 0.1.0
 */
export class SimHost extends Context.Service<
  SimHost,
  {
    /** Name of the node, which is also the host name under which other nodes reach it. */
    readonly name: string
    /** Sockets of the process. */
    readonly sockets: HostSockets
    /** Disk of the machine, which outlives the process. */
    readonly disk: Disk
  }
>()("@coterie/testkit/SimHost") {}

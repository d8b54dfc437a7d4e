/** Open listeners of one network by their addresses. */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Result from "effect/Result"
import type { TransportInstance } from "./Host.ts"
import { Listener } from "./Listener.ts"
import { transportError } from "./transportError.ts"

export class ListenerTable {
  private readonly listeners = new Map<Address.Address, Listener>()

  find(address: Address.Address): Listener | undefined {
    return this.listeners.get(address)
  }

  /** Returns all open listeners, in the order in which they were opened. */
  all(): ReadonlyArray<Listener> {
    return [...this.listeners.values()]
  }

  private freePort(host: string): number {
    for (let port = 49152; port < 65535; port++) {
      const address = Address.make(host, port)
      if (Result.isSuccess(address) && !this.listeners.has(address.success)) return port
    }
    return 65535
  }

  /** Opens a listener on the port; 0 picks a free port. */
  add(
    instance: TransportInstance,
    port: number,
    isLoopback = false,
  ): Result.Result<Listener, Transport.TransportError> {
    const { name } = instance.host
    const address = Address.make(name, port === 0 ? this.freePort(name) : port)
    if (Result.isFailure(address)) return Result.fail(transportError("listen", address.failure.message))
    if (!instance.alive) {
      return Result.fail(transportError("listen", `${name} has crashed: build its transport again`))
    }
    if (this.listeners.has(address.success)) {
      return Result.fail(
        transportError("listen", `port ${port} on ${name} is in use: pick another port, or 0 for any free port`),
      )
    }
    const listener = new Listener(instance, address.success, isLoopback)
    this.listeners.set(listener.address, listener)
    instance.host.listeners++
    return Result.succeed(listener)
  }

  /** Closes the listener and frees its address. */
  remove(listener: Listener): void {
    listener.stop()
    // After a crash another listener may own the address.
    if (this.listeners.get(listener.address) !== listener) return
    this.listeners.delete(listener.address)
    listener.instance.host.listeners--
  }
}

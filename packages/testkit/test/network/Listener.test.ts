import { assert, describe, it } from "@effect/vitest"
import type { Endpoint } from "../../src/network/Endpoint.ts"
import { Listener } from "../../src/network/Listener.ts"
import { address, connectionBetween, instanceAt, makeHosts } from "./parts.ts"

const make = () => {
  const { hosts } = makeHosts()
  const instance = instanceAt(hosts.get("b"))
  const listener = new Listener(instance, address("b", 1))
  const accepted: Array<Endpoint> = []
  return {
    listener,
    accepted,
    accept: (endpoint: Endpoint): void => void accepted.push(endpoint),
    arrive: (): Endpoint => {
      const { acceptor } = connectionBetween(hosts, "a", "b")
      listener.offer(acceptor)
      return acceptor
    },
    /** Runs the pending tasks of the process. */
    settle: (): void => {
      for (const task of instance.tasks.splice(0)) task()
    },
  }
}

describe("Listener", () => {
  it("keeps connections that arrive without a program, in their order", () => {
    const { accept, accepted, arrive, listener } = make()
    const early = [arrive(), arrive()]
    assert.deepStrictEqual(accepted, [])
    listener.begin(accept)
    assert.deepStrictEqual(accepted, early)
  })

  it("hands over later connections within the process", () => {
    const { accept, accepted, arrive, listener, settle } = make()
    listener.begin(accept)
    const late = arrive()
    assert.deepStrictEqual(accepted, [])
    settle()
    assert.deepStrictEqual(accepted, [late])
  })

  it("keeps connections again for the next program when a program stops", () => {
    const { accept, accepted, arrive, listener, settle } = make()
    listener.begin(accept)
    const late = arrive()
    listener.stop()
    settle()
    assert.deepStrictEqual(accepted, [])
    listener.begin(accept)
    assert.deepStrictEqual(accepted, [late])
  })

  it("hands over its backlog only once", () => {
    const { arrive, listener } = make()
    const waiting = arrive()
    assert.deepStrictEqual(listener.takeBacklog(), [waiting])
    assert.deepStrictEqual(listener.takeBacklog(), [])
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Listener } from "../../src/network/Listener.ts"
import { ListenerTable } from "../../src/network/ListenerTable.ts"
import { address, instanceAt, makeHosts } from "./parts.ts"

const make = () => {
  const table = new ListenerTable()
  const { hosts } = makeHosts()
  const [a, b] = [instanceAt(hosts.get("a")), instanceAt(hosts.get("b"))]
  const open = (instance: typeof a, port: number): Listener => Result.getOrThrow(table.add(instance, port))
  const refusal = (instance: typeof a, port: number): string => {
    const error = Result.getOrThrow(Result.flip(table.add(instance, port)))
    assert.strictEqual(error.reason, "listen")
    return error.message
  }
  return { table, a, b, open, refusal }
}

describe("ListenerTable", () => {
  it("finds a listener by its address until it is closed", () => {
    const { a, open, table } = make()
    const listener = open(a, 80)
    assert.strictEqual(table.find(address("a", 80)), listener)
    assert.deepStrictEqual([table.all(), a.host.listeners], [[listener], 1])
    table.remove(listener)
    assert.isUndefined(table.find(address("a", 80)))
    assert.deepStrictEqual([table.all(), a.host.listeners], [[], 0])
    open(a, 80)
  })

  it("refuses a port in use, on the same host only", () => {
    const { a, b, open, refusal } = make()
    open(a, 80)
    assert.include(refusal(a, 80), "port 80 on a is in use")
    open(b, 80)
  })

  it("refuses an invalid port", () => {
    const { a, refusal } = make()
    for (const port of [-1, 70_000, 1.5]) assert.isNotEmpty(refusal(a, port))
  })

  it("picks another free port each time for port 0", () => {
    const { a, open } = make()
    const addresses = [open(a, 0), open(a, 0), open(a, 0)].map((listener) => listener.address)
    assert.strictEqual(new Set(addresses).size, 3)
  })

  it("opens nothing for a transport that has crashed", () => {
    const { a, refusal } = make()
    a.alive = false
    assert.include(refusal(a, 80), "a has crashed")
  })

  it("does not close the listener of a later life at the same address", () => {
    const { a, open, table } = make()
    const before = open(a, 80)
    table.remove(before)
    const after = open(a, 80)
    table.remove(before)
    assert.strictEqual(table.find(address("a", 80)), after)
    assert.strictEqual(a.host.listeners, 1)
  })
})

import { assert, describe, it } from "@effect/vitest"
import { ConnectionTable } from "../../src/network/ConnectionTable.ts"
import { connectionBetween, makeHosts } from "./parts.ts"

/** Makes a table of connections that were dialed one after the other, each from the first host to the second. */
const make = (...dials: ReadonlyArray<readonly [from: string, to: string]>) => {
  const { hosts } = makeHosts()
  const table = new ConnectionTable()
  const connections = dials.map(([from, to], index) => connectionBetween(hosts, from, to, index + 1))
  for (const connection of connections) table.add(connection)
  const dialedIn = (from: string, to: string) => [...table.dialedIn(hosts.findDirection(from, to))]
  const between = (hostA: string, hostB: string) =>
    table.dialedInEither(hosts.findDirection(hostA, hostB), hosts.findDirection(hostB, hostA))
  return { table, connections, dialedIn, between }
}

describe("ConnectionTable", () => {
  it("lists the connections between two hosts in the order of dialing, in both directions", () => {
    const { between, connections } = make(["a", "b"], ["b", "a"], ["a", "b"], ["a", "c"])
    assert.deepStrictEqual(between("a", "b"), connections.slice(0, 3))
    assert.deepStrictEqual(between("b", "a"), connections.slice(0, 3))
    assert.deepStrictEqual(between("b", "c"), [])
  })

  it("lists the connections of a host with itself once", () => {
    const { between, connections } = make(["a", "a"])
    assert.deepStrictEqual(between("a", "a"), connections)
  })

  it("lists the connections dialed in one direction", () => {
    const { connections, dialedIn } = make(["a", "b"], ["b", "a"], ["a", "b"])
    assert.deepStrictEqual(dialedIn("a", "b"), [connections[0], connections[2]])
    assert.deepStrictEqual(dialedIn("a", "nobody"), [])
  })

  it("keeps nothing of a removed connection", () => {
    const { between, connections, dialedIn, table } = make(["a", "b"], ["a", "b"], ["b", "a"])
    const [first, ...rest] = connections
    assert.isDefined(first)
    table.remove(first)
    table.remove(first)
    assert.deepStrictEqual([...table.all()], rest)
    assert.strictEqual(table.size, 2)
    assert.deepStrictEqual(dialedIn("a", "b"), [connections[1]])
    assert.deepStrictEqual(between("a", "b"), rest)
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { type ResolverOptions, resolverOf } from "../../../src/internal/dns/resolver.ts"
import * as DnsServer from "../../dnsServer.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-"))),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
)

/** Makes a resolver with a DNS server and system files with the given texts. A file without a text is missing. */
const make = Effect.fnUntraced(function* (
  texts: { readonly hosts?: string; readonly resolvConf?: string },
  options: ResolverOptions = {},
) {
  const server = yield* DnsServer.make
  const path = yield* folder
  const files = { hosts: Path.join(path, "hosts"), resolvConf: Path.join(path, "resolv.conf"), hostname: "m" }
  const write = (name: "hosts" | "resolvConf", text: string) => Effect.promise(() => Fs.writeFile(files[name], text))
  for (const name of ["hosts", "resolvConf"] as const) {
    const text = texts[name]
    if (text !== undefined) yield* write(name, text)
  }
  return { server, write, ...resolverOf({ servers: [server.address], ...options }, files) }
})

const reasonOf = <A, R>(query: Effect.Effect<A, { readonly reason: string; readonly message: string }, R>) =>
  Effect.map(Effect.flip(query), ({ message, reason }) => `${reason}: ${message}`)

describe("the hosts file", () => {
  it.live("takes precedence over DNS for both families, and is read again for each lookup", () =>
    Effect.gen(function* () {
      const { a, aaaa, server, write } = yield* make({ hosts: "10.0.0.1 peers\n10.0.0.2 peers" })
      server.answer("A", "peers", ["10.9.9.9"])
      server.answer("AAAA", "peers", ["fd00::9"])
      assert.deepStrictEqual(yield* a("Peers"), ["10.0.0.1", "10.0.0.2"])
      assert.deepStrictEqual(yield* a("peers."), ["10.0.0.1", "10.0.0.2"])
      assert.deepStrictEqual(yield* aaaa("peers"), [])
      yield* write("hosts", "10.0.0.1 others")
      assert.deepStrictEqual(yield* a("peers"), ["10.9.9.9"])
      assert.deepStrictEqual(yield* aaaa("peers"), ["fd00::9"])
    }),
  )

  it.live("may be missing, and the names of the loopback resolve without it and without DNS", () =>
    Effect.gen(function* () {
      const { a, aaaa, server } = yield* make({})
      yield* server.stop
      for (const name of ["localhost", "LOCALHOST.", "db.localhost"]) {
        assert.deepStrictEqual(yield* a(name), ["127.0.0.1"])
        assert.deepStrictEqual(yield* aaaa(name), ["::1"])
      }
    }),
  )

  it.live("may have a line for localhost, which takes precedence", () =>
    Effect.gen(function* () {
      const { a, aaaa } = yield* make({ hosts: "127.0.0.2 localhost" })
      assert.deepStrictEqual(yield* a("localhost"), ["127.0.0.2"])
      assert.deepStrictEqual(yield* aaaa("localhost"), [])
    }),
  )
})

it.live("an IP literal is its own address", () =>
  Effect.gen(function* () {
    const { a, aaaa, server } = yield* make({})
    yield* server.stop
    assert.deepStrictEqual(yield* a("10.0.0.1"), ["10.0.0.1"])
    assert.deepStrictEqual(yield* aaaa("10.0.0.1"), [])
    assert.deepStrictEqual(yield* aaaa("fd00::1"), ["fd00::1"])
  }),
)

describe("the search list", () => {
  it.live("completes a name with few dots first, and never completes an absolute name", () =>
    Effect.gen(function* () {
      const { a, server, srv } = yield* make({ resolvConf: "search x.example y.example" })
      server.answer("A", "peers.y.example", ["10.0.0.1"])
      server.answer("A", "peers", ["10.0.0.2"])
      assert.deepStrictEqual(yield* a("peers"), ["10.0.0.1"])
      assert.deepStrictEqual(yield* a("peers."), ["10.0.0.2"])
      const target = { target: "a.example", port: 1, priority: 0, weight: 0 }
      server.answer("SRV", "_c._tcp.x.example", [target])
      assert.deepStrictEqual(yield* srv("_c._tcp"), [target])
      assert.strictEqual(
        yield* reasonOf(srv("_c._tcp.")),
        "notFound: SRV records of _c._tcp.: the name does not exist in DNS",
      )
    }),
  )

  it.live(
    "completes a name with many dots only if it does not exist, and looks up a name with few dots itself last",
    () =>
      Effect.gen(function* () {
        const { a, server } = yield* make({ resolvConf: "search x.example\noptions ndots:2" })
        server.answer("A", "a.b.c", ["10.0.0.1"])
        server.answer("A", "a.b.c.x.example", ["10.0.0.2"])
        server.answer("A", "d.e.f.x.example", ["10.0.0.3"])
        server.answer("A", "g.h", ["10.0.0.4"])
        assert.deepStrictEqual(yield* a("a.b.c"), ["10.0.0.1"])
        assert.deepStrictEqual(yield* a("d.e.f"), ["10.0.0.3"])
        assert.deepStrictEqual(yield* a("g.h"), ["10.0.0.4"])
      }),
  )

  it.live("uses both families from the first domain in which the name has addresses", () =>
    Effect.gen(function* () {
      const { a, aaaa, server } = yield* make({ resolvConf: "search w x y" })
      server.answer("SRV", "peers.w", [])
      server.answer("A", "peers.x", ["10.0.0.1"])
      server.answer("A", "peers.y", ["10.0.0.2"])
      server.answer("AAAA", "peers.y", ["fd00::2"])
      assert.deepStrictEqual(yield* a("peers"), ["10.0.0.1"])
      assert.deepStrictEqual(yield* aaaa("peers"), [])
    }),
  )

  it.live("continues after a failed query and stops after a silent one, and errors have the name of the query", () =>
    Effect.gen(function* () {
      const { a, server } = yield* make({ resolvConf: "search x y" }, { timeout: "50 millis", tries: 1 })
      server.answer("A", "b.x", "fails")
      server.answer("A", "b.y", ["10.0.0.1"])
      server.answer("A", "f.x", "fails")
      server.answer("A", "s.x", "is silent")
      server.answer("A", "s.y", ["10.0.0.1"])
      assert.deepStrictEqual(yield* a("b"), ["10.0.0.1"])
      assert.strictEqual(yield* reasonOf(a("f")), "failed: A records of f.x: the DNS query failed")
      assert.strictEqual(yield* reasonOf(a("s")), "noAnswer: A records of s.x: no DNS server answered in time")
      assert.strictEqual(yield* reasonOf(a("n")), "notFound: A records of n: the name does not exist in DNS")
    }),
  )
})

/** The command in this process, against nodes on real sockets. */
import * as World from "../../../core/test/cluster/world.ts"
import { CommandOutput, Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as NodeHttp from "node:http"
import * as os from "node:os"
import * as path from "node:path"
import * as Support from "../support.ts"
import { coterie, inProcess, served } from "./command.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true })),
)

const write = (dir: string, text: string): string => {
  const file = path.join(dir, "token")
  fs.writeFileSync(file, text)
  return file
}

/** Calls of every subcommand that asks an admin service. */
const asking = [
  ["members"],
  ["info"],
  ["state"],
  ["cluster"],
  ["reachability"],
  ["rtt"],
  ["rtt", "a", "b"],
  ["events"],
  ["health"],
  ["debug"],
  ["wait", "--ready", "--timeout", "1s"],
  ["join", "127.0.0.1:1"],
  ["leave"],
  ["disconnect", "b"],
  ["metadata", "get"],
  ["metadata", "set", "a=b"],
]

type Row = readonly [args: ReadonlyArray<string>, schema: Schema.Decoder<unknown>, code: number]

/** Each subcommand with the schema of its document and its exit code, in an order in which they do not disturb each other. */
const documents = (address: string): ReadonlyArray<Row> => [
  [["members"], CommandOutput.Members, 0],
  [["info"], Report.NodeReport, 0],
  [["info", "b"], Report.NodeReport, 0],
  [["state"], Report.StateReport, 1],
  [["wait", "--one"], CommandOutput.Wait, 0],
  [["cluster"], Report.ClusterReport, 0],
  [["reachability"], CommandOutput.Reachability, 0],
  [["rtt"], CommandOutput.RoundTrips, 0],
  [["rtt", "a", "b"], CommandOutput.RoundTrips, 0],
  [["events"], CommandOutput.Events, 0],
  [["health"], CommandOutput.Health, 0],
  [["join", address], CommandOutput.Join, 0],
  [["metadata", "set", "zone=one"], CommandOutput.Metadata, 0],
  [["metadata", "get"], CommandOutput.Metadata, 0],
  [["probe", address], CommandOutput.Probe, 1],
  [["probe", address, "--cluster", "test"], CommandOutput.Probe, 0],
  [["doctor"], CommandOutput.Doctor, 0],
  [["debug"], CommandOutput.Debug, 0],
  [["disconnect", "c"], CommandOutput.Disconnect, 0],
  [["leave", "--wait"], CommandOutput.Leave, 0],
]

describe("the command coterie", () => {
  it.live("prints one JSON document of its schema for each subcommand, and nothing else", () =>
    Effect.gen(function* () {
      const [a, b] = yield* served(["a", "b", "c"])
      for (const [args, schema, code] of documents(b?.address ?? "")) {
        const ended = yield* inProcess([...args, "--json", ...(args[0] === "probe" ? [] : ["--url", a?.url ?? ""])])
        const call = `${args.join(" ")}: ${ended.out}${ended.err}`
        assert.strictEqual(ended.code, code, call)
        // `wait` prints its progress as an error.
        if (args[0] !== "wait") assert.strictEqual(ended.err, "", call)
        assert.strictEqual(ended.out.trimEnd().split("\n").length, 1, call)
        const document: unknown = JSON.parse(ended.out)
        assert.deepInclude(document, { schema: 1 }, call)
        Schema.decodeUnknownSync(schema)(document)
      }
    }).pipe(Effect.scoped),
  )

  const misuses: ReadonlyArray<readonly [string, ReadonlyArray<string>, RegExp]> = [
    ["an unknown subcommand", ["member"], /members/],
    ["an unknown flag", ["members", "--wach"], /--watch/],
    ["a time without a unit", ["members", "--timeout", "10"], /--timeout 10 is not a time: write 500ms, 10s or 2m/],
    ["a URL without a scheme", ["members", "--url", "localhost:1"], /is not the URL of an admin service/],
    ["several URLs for one node", ["info", "--url", "http://a", "--url", "http://b"], /give --url once/],
    ["no condition", ["wait"], /wait needs one of --members N, --ready and --one/],
    ["two conditions", ["wait", "--ready", "--one"], /wait needs one of/],
    ["no members", ["wait", "--members", "0"], /--members 0 is not valid/],
    ["an unknown check", ["health", "well"], /well is not a check: write started, live or ready/],
    ["an unknown event", ["events", "--only", "Failed,Fail"], /--only: Fail is no event; there are Joined, /],
    ["an invalid id", ["events", "--since", "12"], /--since 12 is not the id of an event/],
    ["metadata without a value", ["metadata", "set", "zone"], /zone is not an entry of metadata: write KEY=VALUE/],
    ["three members", ["rtt", "a", "b", "c"], /c/],
    ["an address that is none", ["probe", "a b"], /is not an address/],
    ["a certificate without a key", ["probe", "a:1", "--cert", "x"], /needs --cert, --key, --ca and --trust/],
    ["two proofs", ["probe", "a:1", "--cert", "x", "--secret-file", "y"], /exclude each other/],
    ["a secret file that is not there", ["probe", "a:1", "--secret-file", "/nowhere"], /nowhere/],
    ["a token file that is not there", ["members", "--token-file", "/nowhere"], /nowhere/],
  ]

  it.live("rejects invalid input with the reason, prints nothing else and exits with 2", () =>
    Effect.forEach(misuses, ([what, args, message]) =>
      Effect.map(inProcess([...args, "--json"]), ({ code, err, out }) => {
        assert.match(err, message, what)
        assert.deepStrictEqual([code, out], [2, ""], what)
      }),
    ),
  )

  it.live("exits with 3 if nothing answers, or something else than an admin service", () =>
    Effect.gen(function* () {
      const other = yield* Effect.acquireRelease(
        Effect.callback<NodeHttp.Server>((resume) => {
          const server = NodeHttp.createServer((_, response) => response.writeHead(404).end("<html>"))
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
      )
      const address = other.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      for (const args of asking) {
        const dead = yield* inProcess([...args, "--url", "http://127.0.0.1:9"])
        assert.deepStrictEqual([dead.code, dead.out], [3, ""], args.join(" "))
        assert.match(dead.err, /no admin service answers at http:\/\/127\.0\.0\.1:9; is it running/, args.join(" "))
        const foreign = yield* inProcess([...args, "--url", `http://127.0.0.1:${port}`])
        assert.deepStrictEqual([foreign.code, foreign.out], [3, ""], args.join(" "))
        assert.match(foreign.err, /answers with the status 404, but not as an admin service/, args.join(" "))
      }
    }).pipe(Effect.scoped),
  )

  it.live("sends a token, and exits with 4 if the service refuses it", () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      const world = yield* World.tcp
      const a = yield* world.node("a")
      const { url } = yield* Support.served(a, {
        tokens: [{ role: "read", token: Redacted.make("read-0123456789abcdef") }],
      })
      const none = yield* inProcess(["members", "--url", url])
      assert.deepStrictEqual([none.code, none.out], [4, ""])
      assert.match(none.err, /requires a token \(--token-file, COTERIE_ADMIN_TOKEN\)/)
      const file = write(dir, "read-0123456789abcdef\n")
      assert.include(yield* inProcess(["members", "--url", url, "--token-file", file]), { code: 0, err: "" })
      const env = { COTERIE_ADMIN_URL: url, COTERIE_ADMIN_TOKEN: "read-0123456789abcdef" }
      assert.include(yield* coterie(["members"], { env }), { code: 0, err: "" })
      const change = yield* inProcess(["leave", "--url", url, "--token-file", file])
      assert.deepStrictEqual([change.code, change.out], [4, ""])
      assert.match(change.err, /refused the request/)
    }).pipe(Effect.scoped),
  )

  it.live("exits with 4 after too many wrong tokens, and a right token works", () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      const world = yield* World.tcp
      const right = "right-0123456789abcdef"
      const { url } = yield* Support.served(yield* world.node("a"), {
        tokens: [{ role: "read", token: Redacted.make(right) }],
      })
      const ask = (token: string) => inProcess(["members", "--url", url, "--token-file", write(dir, token)])
      for (let i = 0; i < 10; i++) assert.match((yield* ask(`wrong-0123456789abcdef-${i}`)).err, /the token is wrong/)
      const limited = yield* ask("wrong-0123456789abcdef")
      assert.deepStrictEqual([limited.code, limited.out], [4, ""])
      assert.match(limited.err, /refused the request: too many wrong tokens from this address/)
      assert.strictEqual((yield* ask(right)).code, 0)
    }).pipe(Effect.scoped),
  )

  it.live("asks over a Unix socket", () =>
    Effect.gen(function* () {
      const world = yield* World.tcp
      const a = yield* world.node("a")
      const { url } = yield* Support.served(a, { socket: path.join(yield* temporary, "admin.sock") })
      const { code, out } = yield* inProcess(["members", "--url", url])
      assert.strictEqual(code, 0)
      assert.match(out, /^NAME +STATUS.*\na +alive +self/)
    }).pipe(Effect.scoped),
  )

  it.live("suggests names for a member that nobody knows, and exits with 4", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["ann", "bob"])
      for (const args of [["info"], ["disconnect"], ["reachability"], ["rtt", "ann"]]) {
        const { code, err } = yield* inProcess([...args, "bop", "--url", a?.url ?? ""])
        assert.strictEqual(code, 4, args[0])
        assert.match(err, /did you mean bob\?/, args[0])
      }
    }).pipe(Effect.scoped),
  )

  it.live("names the pair without a link and exits with 1", () =>
    Effect.gen(function* () {
      const [a, b, c] = yield* served(["a", "b", "c"])
      yield* inProcess(["disconnect", "b", "--url", a?.url ?? ""])
      if (b !== undefined) yield* World.untilPeers(b, ["c"])
      const { code, out } = yield* inProcess(["reachability", "--url", c?.url ?? ""])
      assert.match(out, /^a – b\n {2}a is disconnected from b\n/)
      assert.match(out, /"coterie join" with the address of the other ends that/)
      assert.strictEqual(code, 1)
      assert.strictEqual((yield* inProcess(["reachability", "c", "--url", c?.url ?? ""])).code, 0)
      assert.strictEqual((yield* inProcess(["rtt", "a", "b", "--url", c?.url ?? ""])).code, 1)
    }).pipe(Effect.scoped),
  )

  it.live("collects the report of every node for a report of a problem", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a", "b"])
      const { code, out } = yield* inProcess(["debug", "--url", a?.url ?? ""])
      assert.strictEqual(code, 0)
      const found = Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Debug))(out)
      assert.deepStrictEqual(found.nodes.map(({ name }) => name).sort(), ["a", "b"])
      assert.deepStrictEqual(found.missing, [])
      assert.include(
        found.events.map(({ event }) => event),
        "Joined",
      )
    }).pipe(Effect.scoped),
  )

  it.live("merges the answers of both sides of a partition", () =>
    Effect.gen(function* () {
      const world = yield* World.tcp
      const urls: Array<string> = []
      for (const name of ["a", "b"]) urls.push("--url", (yield* Support.served(yield* world.node(name))).url)
      const { code, out } = yield* inProcess(["cluster", ...urls])
      assert.match(out, /^two parts: a \| b\n/)
      assert.strictEqual(code, 1)
      // Every subcommand that takes several URLs. There is no link between the parts.
      const rtt = yield* inProcess(["rtt", ...urls])
      assert.deepStrictEqual([rtt.code, rtt.out], [0, "no link has a measured round-trip time yet\n"])
      assert.strictEqual((yield* inProcess(["reachability", ...urls])).code, 1)
      const { out: findings } = yield* inProcess(["doctor", ...urls])
      assert.match(findings, /^fail +cluster +two parts: a \| b$/m)
    }).pipe(Effect.scoped),
  )

  it.live("exits with 1 if the condition does not hold in time", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const { code, out } = yield* inProcess(["wait", "--members", "2", "--timeout", "300ms", "--url", a?.url ?? ""])
      assert.strictEqual(out, "the time of 0.3 s is over (--timeout): 1 of 2 members\n")
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped),
  )

  it.live("changes metadata, and keeps the other entries unless it replaces them", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const set = (...args: ReadonlyArray<string>) => inProcess(["metadata", "set", ...args, "--url", a?.url ?? ""])
      assert.include(yield* set("zone=one", "note=a=b"), { code: 0, out: "zone=one\nnote=a=b\n" })
      assert.include(yield* set("zone=two"), { code: 0, out: "zone=two\nnote=a=b\n" })
      assert.include(yield* set("zone=three", "--replace"), { code: 0, out: "zone=three\n" })
      const { code, err } = yield* set(`big=${"x".repeat(10_000)}`)
      assert.strictEqual(code, 2)
      assert.match(err, /the node does not accept the metadata/)
    }).pipe(Effect.scoped),
  )

  it.live("prints the events after an id, of some kinds only", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a", "b"])
      const events = (...args: ReadonlyArray<string>) => inProcess(["events", ...args, "--url", a?.url ?? ""])
      const joined = yield* events("--only", "Joined")
      const [, id = ""] = /^\S+ {2}(\S+) {2}Joined {2}b\n$/.exec(joined.out) ?? assert.fail(joined.out)
      yield* inProcess(["metadata", "set", "x=1", "--url", a?.url ?? ""])
      // On a busy machine there are more events, of other kinds.
      const later = yield* events("--since", id, "--only", "Joined,SelfChanged")
      assert.match(later.out, /^\S+ {2}\S+ {2}SelfChanged {2}a\n$/)
    }).pipe(Effect.scoped),
  )

  it.live("escapes names that could change a terminal, in every text", () =>
    Effect.gen(function* () {
      const hostile = "e\u202evil\u2028"
      const [a, b] = yield* served(["a", hostile])
      yield* inProcess(["metadata", "set", "key\u001b[2J=\u202e", "--url", b?.url ?? ""])
      const calls = [
        ...asking.slice(0, 9),
        ["members", "--json"],
        ["info", hostile],
        ["rtt", "a", hostile],
        ["metadata", "get"],
        ["doctor"],
        ["wait", "--members", "9", "--timeout", "100ms"],
        ["join", "127.0.0.1:1\u202e"],
        ["metadata", "set", "a\u202e=\u001b[2J"],
        ["probe", b?.address ?? "", "--cluster", "test"],
      ]
      for (const args of [...calls, ["disconnect", hostile]]) {
        for (const url of [a?.url ?? "", b?.url ?? ""]) {
          const { err, out } = yield* inProcess([...args, "--url", url])
          // oxlint-disable-next-line no-control-regex -- Control characters are the subject of this test.
          assert.notMatch(out + err, /[\u0000-\u0009\u000b-\u001f\u202e\u2028]/, args.join(" "))
        }
      }
      assert.include((yield* inProcess(["members", "--url", b?.url ?? ""])).out, "e\\u{202e}vil\\u{2028}")
      const { out } = yield* inProcess(["members", "--json", "--url", b?.url ?? ""])
      assert.strictEqual(Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Members))(out).node.name, hostile)
    }).pipe(Effect.scoped),
  )

  it.live("colors the level, except with --no-color", () =>
    Effect.gen(function* () {
      const [a] = yield* served(["a"])
      const args = ["cluster", "--url", a?.url ?? ""]
      assert.include((yield* inProcess(args, { showsColors: true })).out, "\u001b[32mone node, alone\u001b[0m")
      assert.match((yield* inProcess([...args, "--no-color"], { showsColors: true })).out, /^one node, alone/)
    }).pipe(Effect.scoped),
  )

  it.live("lists every subcommand in its help", () =>
    Effect.map(coterie(["--help"]), ({ code, out }) => {
      assert.strictEqual(code, 0)
      for (const [name = ""] of [...asking, ["probe"], ["doctor"]]) assert.match(out, new RegExp(`^ {2}${name} `, "m"))
    }),
  )
})

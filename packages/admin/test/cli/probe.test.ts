/** `coterie probe` in this process, against nodes with every kind of proof. */
import * as Cluster from "@coterie/core/Cluster"
import type { Transport } from "@coterie/core/Transport"
import { CommandOutput } from "@coterie/admin"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Authority } from "../../../node-transport/test/Authority.ts"
import { issue, materialOf, trust } from "../../../node-transport/test/certificateNodes.ts"
import { inProcess } from "./command.ts"

/** Makes a folder. Returns a function that writes a file there and returns its path. */
const files = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-probe-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
  ),
  (folder) => (name: string, text: string) => {
    const file = path.join(folder, name)
    fs.writeFileSync(file, text)
    return file
  },
)

/** Runs a node of the cluster "test", and returns its address. */
const node = Effect.fnUntraced(function* <E>(transport: Layer.Layer<Transport, E>) {
  const layer = Cluster.layer({ cluster: "test", name: "a" }).pipe(
    Layer.provide(transport),
    Layer.provide(Logger.layer([])),
  )
  const { addresses } = yield* Context.get(yield* Layer.build(layer), Cluster.Cluster).self
  return addresses[0] ?? assert.fail("the node has no address")
})

const documentOf = Schema.decodeUnknownSync(Schema.fromJsonString(CommandOutput.Probe))

describe("coterie probe", () => {
  it.live("shows the addresses of the name, each step, the cluster and who answers", () =>
    Effect.gen(function* () {
      const address = yield* node(NodeTransport.layerTcp({ port: 0 }))
      const port = address.slice(address.lastIndexOf(":") + 1)
      const { code, out } = yield* inProcess(["probe", `localhost:${port}`, "--cluster", "test"])
      assert.match(
        out,
        new RegExp(
          [
            "^resolved {4}to .*127\\.0\\.0\\.1.* in [\\d.]+ ms",
            "connected {3}to 127\\.0\\.0\\.1 in [\\d.]+ ms",
            "proof {7}none: plain TCP, not encrypted",
            "answered {4}in [\\d.]+ ms",
            "cluster {5}test, as the node says",
            "accepted {4}by a, generation \\d+",
            `addresses {3}${address}`,
            "protocol {4}1 \\(1 to 1\\)",
            "view {8}[0-9a-f]{16}",
            "sees us as {2}127\\.0\\.0\\.1\n$",
          ].join("\n"),
        ),
      )
      assert.strictEqual(code, 0)
      const other = yield* inProcess(["probe", address])
      assert.match(other.out, /^refused .*this is the cluster "test".* \(otherCluster\)$/m)
      assert.strictEqual(other.code, 1)
    }).pipe(Effect.scoped),
  )

  it.live("has the steps that succeeded if no node answers", () =>
    Effect.gen(function* () {
      const { code, out } = yield* inProcess(["probe", "localhost:9"])
      assert.match(out, /^resolved {4}to .*\nno answer .*\(refused\)\n$/)
      assert.strictEqual(code, 3)
      const json = yield* inProcess(["probe", "localhost:9", "--json"])
      const { reason, status, steps } = documentOf(json.out)
      assert.deepStrictEqual([status, reason, steps.map(({ step }) => step)], ["unanswered", "refused", ["resolved"]])
    }),
  )

  it.live("proves itself with the secret of a file, and is refused with another or none", () =>
    Effect.gen(function* () {
      const write = yield* files
      const [right, wrong] = ["right-0123456789abcdef-0123456789abcdef", "wrong-0123456789abcdef-0123456789abcdef"]
      const keyring = Keyring.layer(Redacted.make(right))
      const address = yield* node(NodeTransport.layerSecret({ port: 0 }).pipe(Layer.provide(keyring)))
      const probe = (...args: ReadonlyArray<string>) => inProcess(["probe", address, "--cluster", "test", ...args])
      const accepted = yield* probe("--secret-file", write("right", right))
      assert.match(accepted.out, /^secured {5}by TLSv1\.3, TLS_AES_128_GCM_SHA256 in [\d.]+ ms$/m)
      assert.match(accepted.out, /^proof {7}\{"_tag":"Secret","key":"\S{12}"\}$/m)
      assert.match(accepted.out, /^accepted {4}by a, generation \d+$/m)
      assert.strictEqual(accepted.code, 0)
      // The dial tries the keys in their order, on a connection each.
      const second = yield* probe("--json", "--secret-file", write("both", `${wrong}\n${right}\n`))
      const { status, steps } = documentOf(second.out)
      assert.deepStrictEqual(
        [status, ...steps.map(({ step }) => step)],
        ["accepted", "resolved", "connected", "connected", "secured"],
      )
      const refused = yield* probe("--secret-file", write("wrong", wrong))
      const none = yield* probe()
      assert.match(refused.out, /\(unauthenticated\)$/m)
      assert.strictEqual(refused.code, 1)
      assert.match(none.out, /the peer has a secret or certificates and takes no plain TCP.*\(lost\)$/m)
      assert.strictEqual(none.code, 3)
      const outputs = [accepted, second, refused, none].map(({ err, out }) => out + err).join("")
      assert.notInclude(outputs, "0123456789abcdef")
    }).pipe(Effect.scoped),
  )

  it.live("proves itself with a certificate, and is refused with one that the node does not trust", () =>
    Effect.gen(function* () {
      const write = yield* files
      const [authority, stranger] = [Authority.root(), Authority.root("stranger")]
      const certificates = Certificates.layer(materialOf(issue(authority, "a"), [authority]))
      const transport = NodeTransport.layerTls({ host: "127.0.0.1", port: 0, trust })
      const address = yield* node(transport.pipe(Layer.provide(certificates)))
      const probe = (own: Authority, name: string = trust[0]) => {
        const { certificate, key } = issue(own, "operator")
        return inProcess([
          ...["probe", address, "--cluster", "test", "--cert", write("cert", certificate), "--key", write("key", key)],
          ...["--ca", write("ca", own.certificate + authority.certificate), "--trust", name],
        ])
      }
      const accepted = yield* probe(authority)
      assert.match(accepted.out, /^secured {5}by TLSv1\.3, TLS_\S+ in [\d.]+ ms$/m)
      assert.match(accepted.out, /^proof {7}\{"_tag":"Certificate","names":\["spiffe:\/\/example\.org\/shop\/a"\]/m)
      assert.match(accepted.out, /^accepted {4}by a, generation \d+$/m)
      assert.strictEqual(accepted.code, 0)
      // The node closes the connection after the handshake, because it does not know the authority.
      const refused = yield* probe(stranger)
      assert.match(refused.out, /^no answer .*\(unauthenticated\)$/m)
      assert.strictEqual(refused.code, 1)
      // The certificate of the probe itself does not have a trusted name.
      const mistaken = yield* probe(authority, "spiffe://example.org/other/*")
      assert.match(mistaken.err, /--cert, --key, --ca: .*trust/)
      assert.deepStrictEqual([mistaken.code, mistaken.out], [2, ""])
    }).pipe(Effect.scoped),
  )
})

import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { DiagnosticLimiter } from "../../src/cluster/DiagnosticLimiter.ts"
import { OutputHandler } from "../../src/cluster/OutputHandler.ts"

it.effect("each output of membership reaches the part of the node that performs it", () =>
  Effect.gen(function* () {
    const reported: Array<string> = []
    const peer = { name: "b", generation: 1 }
    const { perform } = new OutputHandler({
      links: {
        send: (to, { _tag }) => reported.push(`send ${_tag} to ${to.join()}`),
        answer: ({ name }, { _tag }) => reported.push(`answer ${_tag} to ${name}`),
        pingNow: ({ name }) => reported.push(`ping ${name}`),
        close: ({ name }, code) => reported.push(`close ${name}: ${code}`),
      },
      diagnostics: new DiagnosticLimiter(yield* Clock.Clock),
      publish: ({ _tag }) => reported.push(`publish ${_tag}`),
      onStopped: (reason) => reported.push(`stopped: ${reason}`),
    })
    perform({ _tag: "Send", to: ["b", "c"], frame: { _tag: "Leave", generation: 1 } })
    perform({ _tag: "Answer", peer, frame: { _tag: "SyncDelta", records: [], want: [] } })
    perform({ _tag: "PingNow", peer })
    perform({ _tag: "CloseLink", peer, code: "parted" })
    perform({ _tag: "Emit", event: { _tag: "Isolated" } })
    perform({ _tag: "Stopped", reason: "superseded" })
    assert.deepStrictEqual(reported, [
      "send Leave to b,c",
      "answer SyncDelta to b",
      "ping b",
      "close b: parted",
      "publish Isolated",
      "stopped: superseded",
    ])
    for (let i = 0; i < 30; i++) perform({ _tag: "Emit", event: { _tag: "Diagnostic", message: "" } })
    assert.strictEqual(reported.length, 6 + 20, "diagnostics are limited")
  }),
)

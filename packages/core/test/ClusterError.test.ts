import * as ClusterError from "@coterie/core/ClusterError"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

const refusal = { refusedBy: "peer", text: "no guests today" } as const

const sendReasons: ReadonlyArray<ClusterError.SendErrorReason> = [
  new ClusterError.UnknownPeer(),
  new ClusterError.PeerLeft(),
  new ClusterError.NotConnected(),
  new ClusterError.LinkLost({ maybeDelivered: true }),
  new ClusterError.NotReading({ maybeDelivered: false }),
  new ClusterError.ConfirmTimeout({ timeout: Duration.seconds(3), maybeDelivered: true }),
  new ClusterError.SlowPeer({ waited: Duration.seconds(5) }),
  new ClusterError.TooLarge({ bytes: 2, limit: 1 }),
  new ClusterError.Replaced({ generation: 1, replacedBy: 2 }),
  new ClusterError.IncompatibleFormat({ format: "json", peerFormat: "binary" }),
  new ClusterError.NodeStopped(),
]

const joinReasons: ReadonlyArray<ClusterError.JoinErrorReason> = [
  new ClusterError.InvalidAddress({ message: `"x" is not an address` }),
  new ClusterError.OwnAddress(),
  new ClusterError.OtherCluster(refusal),
  new ClusterError.VersionMismatch(refusal),
  new ClusterError.DuplicateName(refusal),
  new ClusterError.Denied(refusal),
  new ClusterError.NodeStopped(),
]

const stoppedReasons: ReadonlyArray<ClusterError.StoppedErrorReason> = [
  new ClusterError.Superseded(),
  new ClusterError.DuplicateName(refusal),
  new ClusterError.OtherCluster(refusal),
  new ClusterError.Denied(refusal),
  new ClusterError.VersionMismatch(refusal),
  new ClusterError.Defect({ cause: new Error("a policy threw") }),
]

const sendErrors = sendReasons.map((reason) => new ClusterError.SendError({ peer: "b", lane: "orders", reason }))
const joinErrors = joinReasons.map((reason) => new ClusterError.JoinError({ address: "b:24868", reason }))
const stoppedErrors = stoppedReasons.map((reason) => new ClusterError.StoppedError({ address: "b:24868", reason }))

describe("an error with a reason", () => {
  it("has a message that names its subject and includes the message of the reason", () => {
    for (const error of sendErrors) {
      assert.strictEqual(error.message, `cannot send to "b" on "orders": ${error.reason.message}`)
    }
    for (const error of joinErrors) assert.strictEqual(error.message, `cannot join b:24868: ${error.reason.message}`)
    for (const error of stoppedErrors) {
      assert.strictEqual(error.message, `this node has stopped: ${error.reason.message} (b:24868)`)
    }
    for (const { reason } of [...sendErrors, ...joinErrors, ...stoppedErrors]) assert.isAbove(reason.message.length, 10)
  })

  it("is equal after encoding and decoding", () => {
    const check = <S extends Schema.Codec<Error & { readonly reason: Error }, unknown>>(
      schema: S,
      errors: ReadonlyArray<S["Type"]>,
    ) => {
      const codec = Schema.toCodecJson(schema)
      for (const error of errors) {
        const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(error)))
        const decoded = Schema.decodeUnknownSync(codec)(json)
        assert.strictEqual(decoded.message, error.message)
        assert.strictEqual(decoded.reason.constructor, error.reason.constructor)
      }
    }
    check(ClusterError.SendError, sendErrors)
    check(ClusterError.JoinError, joinErrors)
    check(ClusterError.StoppedError, stoppedErrors)
  })

  it("is not reported again by runMain if it is a StoppedError, because the log of the node has it", () => {
    for (const error of stoppedErrors) assert.isFalse(Runtime.getErrorReported(error))
    for (const error of joinErrors) assert.isTrue(Runtime.getErrorReported(error))
  })

  it("quotes a peer, whose text describes the peer itself", () => {
    const refusal = { refusedBy: "peer", text: 'this is the cluster "red"' } as const
    assert.strictEqual(
      new ClusterError.OtherCluster(refusal).message,
      'the peer belongs to another cluster (option "cluster"): the peer says: this is the cluster "red"',
    )
    assert.strictEqual(
      new ClusterError.Denied({ refusedBy: "thisNode", text: "web servers only" }).message,
      "this node refused the peer: web servers only",
    )
  })
})

describe("a message that may have been delivered", () => {
  it("is marked by every reason of a SendError, and by the error", () => {
    for (const error of sendErrors) assert.strictEqual(error.maybeDelivered, error.reason.maybeDelivered)
    const maybe = sendErrors.filter(({ maybeDelivered }) => maybeDelivered).map(({ reason }) => reason._tag)
    assert.deepStrictEqual(maybe, ["LinkLost", "ConfirmTimeout"])
    expectTypeOf<ClusterError.UnknownPeer["maybeDelivered"]>().toEqualTypeOf<false>()
    expectTypeOf<ClusterError.SlowPeer["maybeDelivered"]>().toEqualTypeOf<false>()
    expectTypeOf<ClusterError.LinkLost["maybeDelivered"]>().toEqualTypeOf<boolean>()
    expectTypeOf<ClusterError.SendErrorReason["maybeDelivered"]>().toEqualTypeOf<boolean>()
  })
})

const send: Effect.Effect<"sent", ClusterError.SendError | ClusterError.EncodeError> = Effect.fail(
  new ClusterError.SendError({ peer: "b", reason: new ClusterError.TooLarge({ bytes: 2, limit: 1 }) }),
)

describe("one reason of an error", () => {
  it.effect("can be handled with its fields by Effect.catchReason, and the other reasons stay errors", () =>
    Effect.gen(function* () {
      const handled = Effect.catchReason(send, "SendError", "TooLarge", (reason, error) => {
        expectTypeOf(reason).toEqualTypeOf<ClusterError.TooLarge>()
        expectTypeOf(error.reason).toEqualTypeOf<ClusterError.TooLarge>()
        return Effect.succeed([reason.bytes, reason.limit, error.peer] as const)
      })
      expectTypeOf(handled).toEqualTypeOf<
        Effect.Effect<"sent" | readonly [number, number, string], ClusterError.SendError | ClusterError.EncodeError>
      >()
      assert.deepStrictEqual(yield* handled, [2, 1, "b"])
      const other = Effect.catchReason(send, "SendError", "NotReading", () => Effect.succeed("nobody reads"))
      assert.strictEqual((yield* Effect.flip(other))._tag, "SendError")
      // @ts-expect-error: a reason of another error
      Effect.catchReason(send, "SendError", "InvalidAddress", () => Effect.void)
    }),
  )

  it.effect(
    "can be handled with others by Effect.catchReasons, which handles the whole error if it handles the rest",
    () =>
      Effect.gen(function* () {
        const handled = Effect.catchReasons(
          send,
          "SendError",
          {
            NotReading: ({ maybeDelivered }) => Effect.succeed(maybeDelivered),
            TooLarge: ({ bytes }) => Effect.succeed(bytes),
          },
          (reason) => {
            expectTypeOf(reason).toEqualTypeOf<
              Exclude<ClusterError.SendErrorReason, ClusterError.NotReading | ClusterError.TooLarge>
            >()
            return Effect.succeed("another")
          },
        )
        expectTypeOf(handled).toEqualTypeOf<
          Effect.Effect<"sent" | boolean | number | string, ClusterError.EncodeError>
        >()
        assert.strictEqual(yield* handled, 2)
      }),
  )

  it.effect("can be handled for a join and for a node that stopped", () =>
    Effect.gen(function* () {
      const join: Effect.Effect<void, ClusterError.JoinError> = Effect.fail(
        new ClusterError.JoinError({ address: "b:1", reason: new ClusterError.DuplicateName(refusal) }),
      )
      const stopped: Effect.Effect<never, ClusterError.StoppedError> = Effect.fail(
        new ClusterError.StoppedError({ reason: new ClusterError.DuplicateName(refusal) }),
      )
      const byPeer = ({ refusedBy }: ClusterError.DuplicateName) => Effect.succeed(refusedBy)
      assert.strictEqual(yield* Effect.catchReason(join, "JoinError", "DuplicateName", byPeer), "peer")
      assert.strictEqual(yield* Effect.catchReason(stopped, "StoppedError", "DuplicateName", byPeer), "peer")
    }),
  )
})

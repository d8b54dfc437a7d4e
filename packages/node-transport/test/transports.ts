/** Steps of the tests that the secure transports have in common, on real sockets. */
import type * as Transport from "@coterie/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import * as Util from "node:util"

/** Reads until the connection ends. */
export const drain = ({ pull }: Transport.Connection) => Effect.ignore(Effect.forever(pull))

/** Connects two transports. The listener keeps its connections open until they end. */
export const connected = Effect.fnUntraced(function* (
  server: Transport.Transport["Service"],
  client: Transport.Transport["Service"],
) {
  const listener = yield* server.listen
  const accepted = yield* Deferred.make<Transport.Connection>()
  yield* Effect.forkScoped(
    listener.run((connection) => Effect.andThen(Deferred.succeed(accepted, connection), drain(connection))),
  )
  const connect = client.connect(listener.addresses[0])
  const dialer = yield* connect
  return { acceptor: yield* Deferred.await(accepted), connect, dialer }
})

/**
 * Runs a program of this folder in a process whose environment trusts more authorities and disables the checks of TLS. Returns the JSON
 * that it prints.
 */
export const inTrustfulProcess = (program: string) =>
  Effect.map(
    Effect.promise((signal) =>
      Util.promisify(execFile)(process.execPath, [new URL(program, import.meta.url).pathname], {
        signal,
        env: {
          ...process.env,
          NODE_TLS_REJECT_UNAUTHORIZED: "0",
          NODE_EXTRA_CA_CERTS: new URL("certificates/authority.pem", import.meta.url).pathname,
        },
      }),
    ),
    ({ stdout }) => JSON.parse(stdout),
  )

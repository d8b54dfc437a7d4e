/** Answers to the requests of other nodes. All of them only read. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { deadlineBounds } from "../../AdminApi.ts"
import { maxRowLength } from "../../Report.ts"
import type { AdminService } from "../AdminService.ts"
import { writeRow } from "../reports/row.ts"
import { RelayFailed } from "./AdminRpcs.ts"

export const handlers = ({ isLinked, requests, row, service }: AdminService) => {
  const relay = (to: string, withinMillis: number): Effect.Effect<string, RelayFailed> => {
    // Only one hop: the member must have a link to this node.
    if (!isLinked(to)) return new RelayFailed({ reason: "noLink", message: "the relay has no link to the member" })
    const within = Duration.millis(Math.min(Math.max(withinMillis, deadlineBounds.minimum), deadlineBounds.maximum))
    return requests.rowText(to).pipe(
      Effect.timeoutOrElse({
        duration: within,
        orElse: () => Effect.fail({ reason: "timeout", message: "the member did not answer the relay" }),
      }),
      Effect.filterOrFail(
        (text) => text.length <= maxRowLength,
        () => ({ reason: "unreadable", message: "the answer of the member is too long" }),
      ),
      Effect.mapError(({ message, reason }) => new RelayFailed({ reason, message })),
    )
  }
  return {
    Row: () => Effect.map(row, writeRow),
    Inspect: ({ ping }: { readonly ping: boolean }) =>
      Effect.map(service.self({ ping }), (report) => JSON.stringify(report)),
    Relay: ({ to, withinMillis }: { readonly to: string; readonly withinMillis: number }) => relay(to, withinMillis),
  }
}

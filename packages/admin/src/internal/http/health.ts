/** Handlers of the health, which need no admin service. */
import { Cluster } from "@coterie/core/Cluster"
import type { Inspection } from "@coterie/core/Inspection"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { AdminApi, HealthApi } from "../../AdminApi.ts"
import * as Health from "../../Health.ts"

type Question = (inspection: Inspection, policy: Health.Policy) => Health.Answer

/** Two responses of one schema differ in their status, so the response is made here. */
const response = ({ ok, reason }: Health.Answer) =>
  HttpServerResponse.jsonUnsafe({ status: ok ? "ok" : "unavailable", reason }, { status: ok ? 200 : 503 })

const answers = Effect.map(Effect.all([Cluster, Health.Health]), ([cluster, policy]) => {
  const answer = (question: Question) => () =>
    Effect.map(cluster.inspect(), (inspection) => response(question(inspection, policy)))
  return { started: answer(Health.started), live: answer(Health.live), ready: answer(Health.ready) }
})

export const layerHealthOfAdmin = HttpApiBuilder.group(AdminApi, "health", (handlers) =>
  Effect.map(answers, ({ live, ready, started }) =>
    handlers.handleRaw("started", started).handleRaw("live", live).handleRaw("ready", ready),
  ),
)

export const layerHealthAlone = HttpApiBuilder.group(HealthApi, "health", (handlers) =>
  Effect.map(answers, ({ live, ready, started }) =>
    handlers.handleRaw("started", started).handleRaw("live", live).handleRaw("ready", ready),
  ),
)

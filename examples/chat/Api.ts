/** HTTP API. */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Message, NotDelivered, Report, Stats, User } from "./Model.ts"

const Profile = Schema.Struct({ name: Schema.String })

export class Chat extends HttpApiGroup.make("chat", { topLevel: true }).add(
  /** Instances on which each user is online. */
  HttpApiEndpoint.get("online", "/online", { success: Schema.Record(Schema.String, Schema.Array(Schema.String)) }),
  HttpApiEndpoint.post("send", "/messages", {
    payload: Message,
    success: HttpApiSchema.NoContent,
    error: NotDelivered,
  }),
  HttpApiEndpoint.get("profile", "/users/:user", { params: { user: User }, success: Profile }),
  HttpApiEndpoint.put("rename", "/users/:user", {
    params: { user: User },
    payload: Profile,
    success: HttpApiSchema.NoContent,
  }),
  HttpApiEndpoint.get("stats", "/stats", { success: Schema.Array(Stats) }),
  /** Last report of the job, if there is one. */
  HttpApiEndpoint.get("report", "/report", { success: Schema.Array(Report) }),
) {}

export class Api extends HttpApi.make("chat").add(Chat) {}

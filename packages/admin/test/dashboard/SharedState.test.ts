/** The shared state of the dashboard, without a browser. */
import type { Report } from "@coterie/admin"
import { assert, describe, it } from "@effect/vitest"
import { RouteMissing, TokenNeeded } from "../../dashboard/data/AdminClient.ts"
import { SharedState } from "../../dashboard/data/SharedState.ts"
import type { Id } from "../../dashboard/model/components.ts"
import { stateOf } from "./fakeAdmin.ts"

const jobs = { kind: "map", name: "jobs" }
const users = { kind: "map", name: "users" }
const components = [jobs, users].map((id) => ({ ...id, facts: {}, rows: [{ peer: `of ${id.name}` }] }))

const answerTo = (id: Id | undefined): Report.StateReport =>
  stateOf("a", components, new URLSearchParams(id === undefined ? { rows: "0" } : { ...id }))

const { signal } = new AbortController()

/** Makes a part of the page whose questions for a component wait until the test answers them. */
const waiting = () => {
  const answers: Array<() => void> = []
  const shared = new SharedState(
    {
      state: () => Promise.resolve(answerTo(undefined)),
      component: (id) => new Promise((resolve) => answers.push(() => resolve(answerTo(id)))),
    },
    () => "12:00:00",
  )
  const peers = () => shared.view.rows?.flatMap(({ rows }) => rows.map(({ peer }) => peer))
  return { shared, answers, peers }
}

/** Makes a part of the page that is open, and whose next questions have these outcomes. */
const answering = (...outcomes: ReadonlyArray<Report.StateReport | Error>) => {
  const rest = [...outcomes]
  const next = () => {
    const outcome = rest.shift()
    return outcome === undefined || outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)
  }
  const shared = new SharedState({ state: next, component: next }, () => "12:00:00")
  shared.toggle()
  return shared
}

describe("the shared state of the dashboard", () => {
  it("never shows rows of another component than the selected one", async () => {
    const { answers, peers, shared } = waiting()
    shared.toggle()
    shared.select(jobs)
    const first = shared.ask(signal)
    answers[0]?.()
    await first
    assert.deepStrictEqual(peers(), ["of jobs"])
    const late = shared.ask(signal)
    shared.select(users)
    assert.isUndefined(peers())
    const second = shared.ask(signal)
    answers[2]?.()
    await second
    assert.deepStrictEqual(peers(), ["of users"])
    answers[1]?.()
    await late
    assert.deepStrictEqual(peers(), ["of users"])
    shared.select(users)
    assert.isUndefined(shared.view.selected)
  })

  it("shows nothing of an answer that comes after it was closed", async () => {
    const { answers, shared } = waiting()
    shared.toggle()
    shared.select(jobs)
    const asked = shared.ask(signal)
    shared.toggle()
    answers[0]?.()
    await asked
    assert.deepStrictEqual([shared.view.isOpen, shared.view.report], [false, undefined])
  })

  it("keeps its content while the service does not answer, and says since when", async () => {
    const report = answerTo(undefined)
    const shared = answering(report, new Error("no answer"), report)
    await shared.ask(signal)
    await shared.ask(signal)
    assert.deepStrictEqual(
      [shared.view.report, shared.view.problem],
      [report, "No shared state since 12:00:00; trying again."],
    )
    await shared.ask(signal)
    assert.isUndefined(shared.view.problem)
  })

  it("says that an earlier version does not report it, and asks for a token", async () => {
    const shared = answering(new RouteMissing("not found"), new TokenNeeded("wrong"))
    await shared.ask(signal)
    assert.include(shared.view.problem, "earlier version")
    const error = await shared.ask(signal).then(
      () => undefined,
      (error: unknown) => error,
    )
    assert.instanceOf(error, TokenNeeded)
  })
})

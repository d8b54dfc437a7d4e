/**
 * The comparison of the views of all members, in one sentence. Pure, so that the HTTP service, a command and a page use the
 * same function.
 *
 * **Example** (Two nodes that do not list each other)
 *
 * ```ts
 * import { Report, Verdict } from "@coterie/admin"
 *
 * const compare = (reports: ReadonlyArray<Report.ClusterReport>) =>
 *   Verdict.make({
 *     rows: Report.newest(reports.flatMap(Report.rows)),
 *     unanswered: reports.flatMap(({ unanswered }) => unanswered),
 *   }).sentence
 * ```
 *
 * @since 0.1.0
 */
import { ClusterMatrix } from "./internal/verdict/ClusterMatrix.ts"
import { detailsOf } from "./internal/verdict/details.ts"
import { sentenceOf } from "./internal/verdict/sentence.ts"
import type { Row, Unanswered, Verdict } from "./Report.ts"

/**
 * Rows of the members that answered, and the members that did not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input {
  /** At most one row for each name, as `Report.newest` returns them. */
  readonly rows: ReadonlyArray<Row>
  readonly unanswered: ReadonlyArray<Unanswered>
}

/**
 * Time after a change of a view during which a warning is marked as `settling`, in milliseconds. It is three heartbeats of
 * the default policy: after a join, the views of all members differ for about that long.
 *
 * @category constants
 * @since 0.1.0
 */
export const settlingMillis = 3_000

/**
 * Compares the rows.
 *
 * **Details**
 *
 * Members that list each other, directly or through others, are one part. The order of the rows has no effect. Control
 * characters in names are escaped. The cost is O(members²).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: Input): Verdict => {
  const matrix = new ClusterMatrix(input.rows, input.unanswered)
  const { level, sentence } = sentenceOf(matrix)
  const youngest = Math.min(...input.rows.map(({ unchangedMillis }) => unchangedMillis))
  return { level, sentence, details: detailsOf(matrix), settling: level === "warning" && youngest < settlingMillis }
}

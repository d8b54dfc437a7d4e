/** The sentence of a verdict. The first rule that applies decides. */
import type { Row } from "../../Report.ts"
import { printable } from "../printable.ts"
import type { ClusterMatrix, Pair } from "./ClusterMatrix.ts"
import { list, listNames } from "./text.ts"

export interface Sentence {
  readonly level: "ok" | "warning" | "critical"
  readonly sentence: string
}

/** Number of pairs that a sentence names before it counts the rest. */
const maxPairs = 3

/** Number of parts, and of names of a part, before the rest is counted. */
const maxParts = 4
const maxPartNames = 8

const partCounts = ["", "one part", "two parts", "three parts", "four parts"]

export const sentenceOf = (matrix: ClusterMatrix): Sentence =>
  parts(matrix) ??
  partition(matrix) ??
  stopped(matrix) ??
  broken(matrix) ??
  suspected(matrix) ??
  isolated(matrix) ??
  oneSided(matrix) ??
  views(matrix) ??
  silent(matrix) ??
  whole(matrix)

const warning = (sentence: string): Sentence => ({ level: "warning", sentence })

const namesOf = ({ sortedRows }: ClusterMatrix, test: (row: Row) => boolean): ReadonlyArray<string> =>
  sortedRows.filter(test).map(({ name }) => name)

/** Returns the description of the cluster without any problem. */
const size = ({ known }: ClusterMatrix): string => {
  if (known.length === 0) return "no node answered"
  return known.length === 1 ? "one node, alone" : `one cluster of ${known.length}`
}

const parts = ({ parts }: ClusterMatrix): Sentence | undefined => {
  if (parts.length < 2) return undefined
  const count = partCounts[parts.length] ?? `${parts.length} parts`
  const groups = parts.map((part) => {
    const rest = part.length - maxPartNames
    const shown = part.slice(0, maxPartNames).map(printable).join(" ")
    return rest > 0 ? `${shown} and ${rest} more` : shown
  })
  const rest = groups.length - maxParts
  const shown = rest > 0 ? [...groups.slice(0, maxParts), `${rest} more`] : groups
  return { level: "critical", sentence: `${count}: ${shown.join(" | ")}` }
}

const partition = (matrix: ClusterMatrix): Sentence | undefined => {
  const lost = new Set<string>()
  let isSuspected = false
  for (const row of matrix.sortedRows) {
    if (row.partition === undefined) continue
    isSuspected = true
    for (const name of row.partition) lost.add(name)
  }
  if (!isSuspected) return undefined
  const sentence = `${size(matrix)}, which suspects a partition: ${listNames([...lost].sort())} lost`
  return { level: "critical", sentence }
}

const stopped = (matrix: ClusterMatrix): Sentence | undefined => {
  const names = namesOf(matrix, ({ phase }) => phase === "stopped")
  return names.length === 0 ? undefined : warning(`${size(matrix)}; ${listNames(names)} stopped`)
}

/** Returns the name that all pairs have in common, if there are several pairs. */
const common = (pairs: ReadonlyArray<Pair>): string | undefined => {
  const [first] = pairs
  return pairs.length < 2 ? undefined : first?.find((name) => pairs.every((pair) => pair.includes(name)))
}

const broken = (matrix: ClusterMatrix): Sentence | undefined => {
  const pairs = matrix.broken
  if (pairs.length === 0) return undefined
  const center = common(pairs)
  if (center !== undefined) {
    const others = pairs.map(([a, b]) => (a === center ? b : a))
    return warning(`${size(matrix)}; ${printable(center)} is not reached by ${listNames(others)}`)
  }
  const texts = pairs.map(([a, b]) => `${printable(a)} and ${printable(b)} do not reach each other`)
  return warning(`${size(matrix)}; ${list(texts, maxPairs)}`)
}

const suspected = (matrix: ClusterMatrix): Sentence | undefined =>
  matrix.suspected.length === 0 ? undefined : warning(`${size(matrix)}; ${listNames(matrix.suspected)} suspected`)

const isolated = (matrix: ClusterMatrix): Sentence | undefined => {
  const alone = namesOf(matrix, (row) => row.isolated)
  if (alone.length === 0) return undefined
  const failed = [...matrix.failed.keys()]
  const lost = failed.length === 0 ? "" : `; ${listNames(failed)} failed`
  return warning(`${listNames(alone)} reaches no member${lost}`)
}

const oneSided = (matrix: ClusterMatrix): Sentence | undefined => {
  if (matrix.oneSided.length === 0) return undefined
  const texts = matrix.oneSided.map(([a, b]) => `${printable(a)} lost its link to ${printable(b)}`)
  return warning(`${size(matrix)}; ${list(texts, maxPairs)}`)
}

const views = (matrix: ClusterMatrix): Sentence | undefined =>
  matrix.views.length < 2 ? undefined : warning(`${size(matrix)}; members come or go: views differ`)

const silent = (matrix: ClusterMatrix): Sentence | undefined =>
  matrix.silent.length === 0 ? undefined : warning(`${size(matrix)}; ${matrix.silent.length} did not answer`)

const whole = (matrix: ClusterMatrix): Sentence => {
  if (matrix.known.length === 0) return warning(size(matrix))
  const links = matrix.known.length === 1 ? "" : "; every pair has a link"
  return { level: "ok", sentence: `${size(matrix)}${links}` }
}

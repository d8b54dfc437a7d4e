import type { ClusterReport, NodeReport } from "../../src/Report.ts"
import { printable } from "../../src/internal/printable.ts"
import { millisText } from "../model/Matrix.ts"
import { bytesText, durationText, type Member, membersOf } from "../model/members.ts"
import { TableHead } from "./TableHead.tsx"

const columns = ["name", "status", "links", "rtt, ms", "in / out", "lag, ms", "health", "version", "up for"]

const Row = ({ member }: { readonly member: Member }) => (
  <tr class={member.answered ? "" : "silent"}>
    <th scope="row">{printable(member.name)}</th>
    <td>{member.answered ? printable(member.status) : `no answer: ${printable(member.status)}`}</td>
    <td>{member.links}</td>
    <td>{member.micros === undefined ? "" : millisText(member.micros)}</td>
    <td>{member.bytes === undefined ? "" : `${bytesText(member.bytes.in)} / ${bytesText(member.bytes.out)}`}</td>
    <td>{member.lagMillis?.toFixed(0)}</td>
    <td>{member.localHealth}</td>
    <td>{printable(member.version)}</td>
    <td>{member.uptimeMillis === undefined ? "" : durationText(member.uptimeMillis)}</td>
  </tr>
)

/** The members, and what each says about itself. */
export const Members = ({
  report,
  self,
}: {
  readonly report: ClusterReport
  readonly self: NodeReport | undefined
}) => (
  <section aria-labelledby="members-title">
    <h2 id="members-title">Members</h2>
    {/* The table scrolls on a narrow screen, so the keyboard must reach it. */}
    <div class="scroll" tabIndex={0} role="group" aria-label="Table of members">
      <table>
        <TableHead columns={columns} />
        <tbody>
          {membersOf(report, self).map((member) => (
            <Row key={member.name} member={member} />
          ))}
        </tbody>
      </table>
    </div>
    <p class="hint">{`rtt: median of the links of the member; in / out: its link to ${printable(report.askedBy)}`}</p>
  </section>
)

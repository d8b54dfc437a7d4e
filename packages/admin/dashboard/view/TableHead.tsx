/** The head of a table: one row with the names of the columns. */
export const TableHead = ({ columns }: { readonly columns: ReadonlyArray<string> }) => (
  <thead>
    <tr>
      {columns.map((column, i) => (
        <th scope="col" key={i}>
          {column}
        </th>
      ))}
    </tr>
  </thead>
)

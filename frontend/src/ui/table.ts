/** A column of a `DataTable`. */
export interface Column<Row> {
  key: string;
  label: string;
  /** `head` names its row and holds its link: one per table. `number` is set to the right. */
  kind?: 'text' | 'number' | 'head' | undefined;
  /** Its heading is a button that sorts. */
  sortable?: boolean | undefined;
  /** Hidden below 1024 px. */
  optional?: boolean | undefined;
  /** Its heading is only for readers of the screen. */
  hideLabel?: boolean | undefined;
  /** What stands in the cell where the page has no slot for it. */
  value?: ((row: Row) => string | number | null | undefined) | undefined;
  /** A width of CSS. */
  width?: string | undefined;
}

export interface Sort {
  key: string;
  descending: boolean;
}

/** The next order when a heading is pressed. */
export function nextSort(sort: Sort | undefined, key: string): Sort {
  return { key, descending: sort?.key === key && !sort.descending };
}

/** The outcomes of one month, as the API has them. */
export interface Month {
  /** `YYYY-MM`. */
  month: string;
  succeeded: number;
  failed: number;
}

/** The outcomes of one month as a column. Heights are percent of the drawing. */
export interface Column {
  key: string;
  year: number;
  month: number;
  succeeded: number;
  failed: number;
  sum: number;
  succeededHeight: number;
  failedHeight: number;
  /** More than half a year ago. */
  isEarly: boolean;
}

/** The highest column leaves room for its number and its month. */
const HIGHEST = 64;
const HALF_A_YEAR = 6;

/** Months as columns on one scale, oldest first. */
export function columnsOf(months: readonly Month[]): Column[] {
  const most = Math.max(1, ...months.map(({ succeeded, failed }) => succeeded + failed));
  return months.map(({ month, succeeded, failed }, index) => ({
    key: month,
    year: Number(month.slice(0, 4)),
    month: Number(month.slice(5, 7)),
    succeeded,
    failed,
    sum: succeeded + failed,
    succeededHeight: (HIGHEST * succeeded) / most,
    failedHeight: (HIGHEST * failed) / most,
    isEarly: index < months.length - HALF_A_YEAR,
  }));
}

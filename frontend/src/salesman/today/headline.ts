import type { todayTexts } from './texts';

type Texts = (typeof todayTexts)['ko'];

/** A piece of the heading; numbers stand out. */
export interface Piece {
  text: string;
  isNumber?: boolean;
}

/** The day in one sentence: how many customers to meet, how many requests to approve. */
export function headline(meet: number, waiting: number, t: Texts): Piece[] {
  const meeting = [{ text: t.meet }, { text: t.meetCount(meet), isNumber: true }];
  const approving = [{ text: t.waiting }, { text: t.waitingCount(waiting), isNumber: true }];
  if (meet > 0 && waiting > 0) return [...meeting, { text: t.and }, ...approving, { text: t.end }];
  if (meet > 0) return [...meeting, { text: t.end }];
  if (waiting > 0) return [...approving, { text: t.end }];
  return [{ text: t.nothing }];
}

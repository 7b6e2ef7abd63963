import type { Salesman } from '@/api/types';
import { formatRange } from '@/texts/format';
import { language } from '@/texts/texts';
import { personTexts } from './texts';

/** A leave in words. */
export function leaveText(leave: Salesman['leave']): string {
  const texts = personTexts[language.value];
  if (!leave) return texts.noLeave;
  const range = formatRange(leave.from, leave.until);
  return leave.handOver ? texts.leaveWithHandOver(range) : range;
}

/** A leave as a form has it. */
export interface LeaveDraft {
  from: string;
  until: string;
  handOver: boolean;
}

/** What is wrong with a leave: a code for each field. */
export function leaveProblems({
  from,
  until,
}: LeaveDraft): Partial<Record<'from' | 'until', 'from' | 'until' | 'order'>> {
  if (from === '') return { from: 'from' };
  if (until === '') return { until: 'until' };
  return until < from ? { until: 'order' } : {};
}

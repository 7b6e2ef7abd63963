import { spellDay, type Day } from '@/texts/format';
import type { Phase, Status } from '@/api/types';
import type { detailTexts } from './detailTexts';

/** What of a programme tells when it opens and closes. */
export interface Timed {
  phase: Phase;
  status: Status;
  daysLeft?: number | null | undefined;
  period: { startsOn?: Day | null | undefined; endsOn?: Day | null | undefined; text: string };
}

/** A sentence: its strong beginning, and the rest. */
export interface PeriodWords {
  strong: string;
  rest: string;
  /** The announcement is quoted after it, because it has no date to say. */
  isQuoted: boolean;
}

type Texts = (typeof detailTexts)['ko'];

/** 「3월 7일 토요일 밤 12시에 닫혀요」 of a programme. */
export function periodWords(programme: Timed, t: Texts): PeriodWords {
  const { phase, status, daysLeft, period } = programme;
  const say = (strong: string, rest = ''): PeriodWords => ({ strong, rest, isQuoted: false });
  const quote = (strong: string): PeriodWords => ({ strong, rest: '', isQuoted: true });
  switch (phase) {
    case 'upcoming':
      if (!period.startsOn) return quote(t.opensUnknown);
      return say(
        t.opens(spellDay(period.startsOn)),
        status === 'planned' ? t.opensMaybe : t.opensAfter,
      );
    case 'always':
      return quote(t.always);
    case 'until_budget':
      return quote(t.untilBudget);
    case 'closed':
    case 'ended':
      return period.endsOn ? say(t.closed(spellDay(period.endsOn))) : quote(t.ended);
    case 'open':
    case 'closing':
      if (!period.endsOn) return quote(t.noLastDay);
      return say(daysLeft === 0 ? t.closesToday : t.closes(spellDay(period.endsOn)), t.closesAfter);
  }
}

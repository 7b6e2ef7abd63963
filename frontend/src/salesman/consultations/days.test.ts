import { beforeAll, describe, expect, it } from 'vitest';
import { names } from '@/texts/names';
import { setLanguage } from '@/texts/texts';
import { agendaOf, dayCaption, shortDay } from './days';
import { consultationTexts } from './texts';

beforeAll(() => setLanguage('ko'));

const TODAY = '2026-03-04';
const caption = (day: string) =>
  dayCaption(day, TODAY, names.ko.weekdaysLong, consultationTexts.ko);

describe('the day of a consultation', () => {
  it('is short in the time column', () => {
    expect(shortDay('2026-03-04').replaceAll('\u00A0', ' ')).toBe('3. 4.');
  });

  it('says how near it is', () => {
    expect(caption('2026-03-04')).toBe('수요일 · 오늘');
    expect(caption('2026-03-05')).toBe('목요일 · 내일');
    expect(caption('2026-03-06')).toBe('금요일 · 모레');
    expect(caption('2026-03-07')).toBe('토요일');
    expect(caption('2026-03-02')).toBe('월요일 · 2일 지남');
  });
});

describe('the plan of a day', () => {
  it('parts open consultations into overdue, today and coming', () => {
    const one = (id: string, desiredDate: string) => ({ id, desiredDate });
    const agenda = agendaOf(
      [one('d', '2026-03-09'), one('c', '2026-03-05'), one('b', TODAY), one('a', '2026-02-27')],
      TODAY,
    );
    expect(agenda.overdue.map((it) => it.id)).toEqual(['a']);
    expect(agenda.today.map((it) => it.id)).toEqual(['b']);
    expect(agenda.coming.map((it) => it.id)).toEqual(['c', 'd']);
  });
});

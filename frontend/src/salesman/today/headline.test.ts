import { describe, expect, it } from 'vitest';
import { headline } from './headline';
import { todayTexts } from './texts';

const said = (meet: number, waiting: number) =>
  headline(meet, waiting, todayTexts.ko)
    .map((piece) => piece.text)
    .join('');

describe('the heading of the day', () => {
  it('says what is due', () => {
    expect(said(2, 3)).toBe('오늘 만날 고객이 2곳, 승인을 기다리는 신청이 3건이에요');
    expect(said(2, 0)).toBe('오늘 만날 고객이 2곳이에요');
    expect(said(0, 1)).toBe('승인을 기다리는 신청이 1건이에요');
    expect(said(0, 0)).toBe('오늘 정해진 상담이 없어요');
  });

  it('lets the numbers stand out', () => {
    const numbers = headline(2, 3, todayTexts.ko).filter((piece) => piece.isNumber);
    expect(numbers.map((piece) => piece.text)).toEqual(['2곳', '3건']);
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '@/api/problem';
import { names } from '@/texts/names';
import { setLanguage } from '@/texts/texts';
import { refusalOf } from './refusal';
import { progressTexts } from './texts';

beforeAll(() => setLanguage('ko'));

/** Without the joiners that keep particles on the line of their word. */
const plain = (text: string) => text.replaceAll('\u2060', '');
const said = (error: ApiError) =>
  plain(refusalOf(error, 'approved', 'apply', progressTexts.ko, names.ko));
const body = (more: object) => ({ title: '바꿀 수 없어요', status: 409, type: '', ...more });

describe('a step that was taken back', () => {
  it('says what was not done, where it is now, and why', () => {
    expect(said(new ApiError(0, {}))).toBe(
      '승인하지 못해서 신청으로 되돌렸어요. 인터넷이 끊겼어요. 연결되면 다시 눌러 주세요.',
    );
  });

  it('names the step that someone else took first', () => {
    expect(said(new ApiError(409, body({ step: 'cancelled' })))).toContain('먼저 취소했어요');
    expect(said(new ApiError(409, body({ step: 'approved' })))).toContain('이미 승인으로 바뀐');
    expect(said(new ApiError(409, body({})))).toContain('바꿀 수 없어요');
  });

  it('tells our faults and lost access from each other', () => {
    expect(said(new ApiError(503, {}))).toContain('저희 쪽 문제예요');
    expect(said(new ApiError(404, {}))).toContain('다른 담당자에게 넘어갔어요');
    expect(said(new ApiError(429, {}, 120))).toContain('2분 뒤에');
  });
});

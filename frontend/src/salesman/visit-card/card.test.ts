import { beforeAll, describe, expect, it } from 'vitest';
import { REGIONS } from '@/api/choices';
import type { Project } from '@/api/types';
import { setLanguage } from '@/texts/texts';
import { cardText, cardTitle, factsOf, fitting, known, sourcesOf, type CardItem } from './card';
import { cardTexts } from './texts';

beforeAll(() => setLanguage('ko'));

const t = cardTexts.ko;
const plain = (text: string) => text.replaceAll('\u00A0', ' ').replaceAll('\u2060', '');
const project = (more: Partial<Project> = {}): Project => ({
  id: 'p',
  seriesId: 's',
  version: 1,
  name: '2026년 스마트상점 기술보급사업',
  year: 2026,
  category: '기술',
  regions: ['전국'],
  agency: '중소벤처기업부',
  host: '',
  status: 'ongoing',
  phase: 'closing',
  period: { kind: 'range', text: '', startsOn: '2026-02-01', endsOn: '2026-03-07' },
  ...more,
});
const item = (more: Partial<Project> = {}): CardItem => ({
  project: project(more),
  phase: more.phase ?? 'closing',
  shared: ['region'],
  marked: false,
  say: '신청이 3일 남았습니다.',
});

describe('a visit card', () => {
  it('has nothing that applies in other regions only', () => {
    const elsewhere = { ...item(), shared: ['category' as const] };
    expect(fitting([item(), elsewhere], '부산')).toEqual([item()]);
    expect(fitting([item(), elsewhere], '')).toHaveLength(2);
  });

  it('names its reader', () => {
    const nothing = { region: '', category: '', target: '' } as const;
    const title = (picks: object, customer?: string) =>
      cardTitle({ ...nothing, ...picks }, customer, t);
    expect(title({}, '누리정밀')).toBe('누리정밀 고객께');
    expect(title({ region: '부산', target: '소상공인' })).toBe('부산에 계신 소상공인께');
    expect(title({ region: '부산', category: '내수' })).toBe('부산에서 사업하시는 분께');
    expect(title({ region: '전국' })).toBe('전국 어디서나 사업하시는 분께');
    expect(title({ region: '전국', target: '소상공인' })).toBe('소상공인께');
    expect(title({ category: '수출' })).toBe('수출 지원을 찾으시는 분께');
  });

  it('knows regions of the address only by their names', () => {
    expect(known(REGIONS, '부산')).toBe('부산');
    expect(known(REGIONS, '평양')).toBe('');
  });

  it('says money only where it is known', () => {
    expect(factsOf(project(), t)).toBe('중소벤처기업부');
    expect(plain(factsOf(project({ scale: 15_000_000 }), t))).toBe(
      '중소벤처기업부 · 최대 1,500만 원',
    );
  });

  it('names each source once', () => {
    const source = { name: 'bizinfo', id: '1', line: '출처: 기업마당' };
    expect(sourcesOf([item({ source }), item({ source }), item()])).toEqual(['기업마당']);
  });

  it('becomes a message with deadlines and links, without the lines to say', () => {
    const always = { kind: 'always', text: '연중 상시' } as const;
    const items = [
      item({ link: 'https://example.com/1' }),
      item({ name: '상시 상담', phase: 'always', period: always }),
    ];
    const text = plain(cardText(items, '부산에서 사업하시는 분께', '2026-03-04', '김하늘 010', t));
    expect(text).toBe(
      [
        '부산에서 사업하시는 분께',
        '2026. 3. 4.(수) 기준 지원사업 2건',
        '',
        '1. 2026년 스마트상점 기술보급사업',
        '3. 7.(토)까지 · 중소벤처기업부',
        'https://example.com/1',
        '',
        '2. 상시 상담',
        '연중 상시 · 중소벤처기업부',
        '',
        '김하늘 010',
      ].join('\n'),
    );
  });
});

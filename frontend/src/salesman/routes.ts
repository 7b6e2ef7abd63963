import type { RouteRecordRaw } from 'vue-router';

export const salesmanRoutes: RouteRecordRaw = {
  path: '/salesman',
  component: () => import('./SalesmanShell.vue'),
  meta: { roles: ['salesman', 'consultant'] },
  children: [
    { path: '', component: () => import('./today/Today.vue') },
    { path: 'consultations', component: () => import('./consultations/Consultations.vue') },
    {
      path: 'consultations/:id',
      component: () => import('./consultations/ConsultationDetail.vue'),
    },
    { path: 'customers', component: () => import('./customers/Customers.vue') },
    { path: 'visit-card', component: () => import('./visit-card/VisitCard.vue') },
    { path: 'enter', component: () => import('./visit-card/EnterForCustomer.vue') },
    { path: 'numbers', component: () => import('./numbers/Numbers.vue') },
    { path: 'notifications', component: () => import('./notifications/Notifications.vue') },
    { path: 'me', component: () => import('./me/Me.vue') },
  ],
};
